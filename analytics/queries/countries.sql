-- Requests, visitors and bytes by country, robots left out.
SELECT coalesce(client_country_name, '(' || geo_state || ')') AS country,
       count(*) AS requests, count(DISTINCT client_ip) AS visitors, sum(body_bytes) AS bytes
FROM requests
WHERE client_ip IS NOT NULL AND (bot IS NULL OR NOT bot)
GROUP BY coalesce(client_country_name, '(' || geo_state || ')')
ORDER BY requests DESC
