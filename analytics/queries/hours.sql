-- title: Hours of the day
-- description: Requests by the hour of the day, in UTC, with visitors and failures of the server. Health checks are left out.
-- column: hour_of_day  integer  -         Hour, UTC
-- column: requests     integer  requests  Requests
-- column: share        number   share     Share of requests
-- column: visitors     integer  clients   Visitors: clients that are no robots
-- column: failures     integer  requests  Status 500 and above
-- column: bytes        integer  bytes     Bytes sent
SELECT hour_of_day, requests, 1e0 * requests / sum(requests) OVER () AS share, visitors, failures, bytes
FROM (
  SELECT extract(hour FROM ts) AS hour_of_day, cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT CASE WHEN NOT robot THEN client END) AS visitors,
         cast(round(sum(CASE WHEN status >= 500 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  WHERE NOT health_check
  GROUP BY 1
)
ORDER BY hour_of_day
