-- title: Visitors and robots
-- description: How much of the traffic comes from people, from robots that say so, and from health checks.
-- column: kind      string   -         Kind
-- column: requests  integer  requests  Requests
-- column: share     number   share     Share of requests
-- column: clients   integer  clients   Clients
-- column: failures  integer  requests  Status 400 and above
-- column: bytes     integer  bytes     Bytes sent
SELECT kind, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, failures, bytes
FROM (
  SELECT CASE WHEN health_check THEN 'health checks' WHEN robot THEN 'robots' ELSE 'visitors' END AS kind,
         cast(round(sum(weight)) AS bigint) AS requests, count(DISTINCT client) AS clients,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  GROUP BY 1
)
ORDER BY requests DESC, kind
