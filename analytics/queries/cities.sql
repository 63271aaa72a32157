-- title: Cities
-- description: Requests, visitors and bytes by city, robots and health checks left out. A city is known with a city database only.
-- limit: 100
-- column: country   string   -         Country
-- column: region    string   -         Region
-- column: city      string   -         City
-- column: requests  integer  requests  Requests
-- column: share     number   share     Share of requests
-- column: visitors  integer  clients   Visitors
-- column: failures  integer  requests  Status 400 and above
-- column: bytes     integer  bytes     Bytes sent
SELECT country, region, city, requests, 1e0 * requests / sum(requests) OVER () AS share, visitors, failures, bytes
FROM (
  SELECT client_country AS country, client_region AS region, client_city AS city,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS visitors,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  WHERE NOT health_check AND NOT robot AND client_city IS NOT NULL
  GROUP BY 1, 2, 3
)
ORDER BY requests DESC, country, region, city
