-- Look here first: by hour, how many requests have a client, show an NLB's private address, or a disputed one; of the last 7 days.
SELECT dt, hour, count(*) AS requests,
       100.0 * count(client_ip) / count(*) AS with_client_percent,
       100.0 * sum(CASE WHEN vouched THEN 1 ELSE 0 END) / count(*) AS vouched_percent,
       100.0 * sum(CASE WHEN nlb_private_ip THEN 1 ELSE 0 END) / count(*) AS nlb_private_ip_percent,
       sum(CASE WHEN verdict = 'disputed' THEN 1 ELSE 0 END) AS disputed
FROM requests
WHERE dt >= substr(cast(current_date - interval '7' day AS varchar), 1, 10)
  AND verdict <> 'health_check'
GROUP BY dt, hour
ORDER BY dt DESC, hour DESC
