-- Paths by the time that requests take, of at least 10 requests; of the last 7 days.
SELECT method, path, count(*) AS requests, avg(duration_ns) / 1e6 AS mean_ms, max(duration_ns) / 1e6 AS max_ms
FROM requests
WHERE dt >= substr(cast(current_date - interval '7' day AS varchar), 1, 10)
  AND duration_ns IS NOT NULL
GROUP BY method, path
HAVING count(*) >= 10
ORDER BY mean_ms DESC
LIMIT 100
