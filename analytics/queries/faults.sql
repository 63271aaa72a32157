-- Faults of the chain by hop and reason, with when they were first and last seen.
SELECT hop, reason, count(*) AS requests, min(ts) AS first_seen, max(ts) AS last_seen,
       count(DISTINCT source_ip) AS peers
FROM requests
WHERE hop IS NOT NULL
GROUP BY hop, reason
ORDER BY requests DESC
