-- Paths by the time that requests take, of at least 10 requests.
SELECT method, path, count(*) AS requests, avg(duration_ns) / 1e6 AS mean_ms, max(duration_ns) / 1e6 AS max_ms
FROM requests
WHERE duration_ns IS NOT NULL
GROUP BY method, path
HAVING count(*) >= 10
ORDER BY mean_ms DESC
LIMIT 100
