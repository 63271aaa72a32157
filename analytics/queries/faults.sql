-- Faults of the chain by hop and reason, with when they were first and last seen; of the last 7 days.
SELECT hop, reason, count(*) AS requests, min(ts) AS first_seen, max(ts) AS last_seen,
       count(DISTINCT source_ip) AS peers
FROM requests
WHERE dt >= substr(cast(current_date - interval '7' day AS varchar), 1, 10)
  AND hop IS NOT NULL
GROUP BY hop, reason
ORDER BY requests DESC
