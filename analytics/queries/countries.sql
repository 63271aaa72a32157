-- Requests, visitors and bytes by country, robots left out; of the last 7 days.
SELECT coalesce(client_country_name, '(' || geo_state || ')') AS country,
       count(*) AS requests, count(DISTINCT client_ip) AS visitors, sum(body_bytes) AS bytes
FROM requests
WHERE dt >= substr(cast(current_date - interval '7' day AS varchar), 1, 10)
  AND client_ip IS NOT NULL AND (bot IS NULL OR NOT bot)
GROUP BY coalesce(client_country_name, '(' || geo_state || ')')
ORDER BY requests DESC
