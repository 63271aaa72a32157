-- title: Countries
-- description: Requests, visitors and bytes by country, robots and health checks left out. Where the country is not known, the name says why in parentheses.
-- limit: 100
-- column: country   string   -         Country
-- column: code      string   -         ISO 3166-1
-- column: requests  integer  requests  Requests
-- column: share     number   share     Share of requests
-- column: visitors  integer  clients   Visitors
-- column: failures  integer  requests  Status 400 and above
-- column: bytes     integer  bytes     Bytes sent
SELECT country, code, requests, 1e0 * requests / sum(requests) OVER () AS share, visitors, failures, bytes
FROM (
  SELECT coalesce(client_country_name, client_country, '(' || geo_state || ')', '(no client)') AS country, client_country AS code,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS visitors,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  WHERE NOT health_check AND NOT robot
  GROUP BY 1, 2
)
ORDER BY requests DESC, country, code
