-- Who sends the most requests, with country and network, health checks left out.
SELECT client_ip, client_country, client_as_org, count(*) AS requests, sum(body_bytes) AS bytes
FROM requests
WHERE client_ip IS NOT NULL AND verdict <> 'health_check'
GROUP BY client_ip, client_country, client_as_org
ORDER BY requests DESC
LIMIT 100
