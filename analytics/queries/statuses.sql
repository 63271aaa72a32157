-- Requests by hour and class of status; of the last 7 days.
SELECT dt, hour, status - status % 100 AS class, count(*) AS requests
FROM requests
WHERE dt >= substr(cast(current_date - interval '7' day AS varchar), 1, 10)
  AND status IS NOT NULL
GROUP BY dt, hour, status - status % 100
ORDER BY dt DESC, hour DESC, class
