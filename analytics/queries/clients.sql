-- Who sends the most requests, with country and network, health checks left out; of the last 7 days.
SELECT client_ip, client_country, client_as_org, count(*) AS requests, sum(body_bytes) AS bytes
FROM requests
WHERE dt >= substr(cast(current_date - interval '7' day AS varchar), 1, 10)
  AND client_ip IS NOT NULL AND verdict <> 'health_check'
GROUP BY client_ip, client_country, client_as_org
ORDER BY requests DESC
LIMIT 100
