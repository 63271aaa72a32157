-- Requests by hour and class of status.
SELECT dt, hour, status / 100 AS class, count(*) AS requests
FROM requests
WHERE status IS NOT NULL
GROUP BY dt, hour, status / 100
ORDER BY dt DESC, hour DESC, class
