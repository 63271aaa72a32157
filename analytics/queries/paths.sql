-- title: Paths
-- description: Which paths are asked for most, with how many clients, failures and bytes.
-- limit: 100
-- column: path      string   -         Path
-- column: requests  integer  requests  Requests
-- column: share     number   share     Share of requests
-- column: clients   integer  clients   Clients
-- column: failures  integer  requests  Status 400 and above
-- column: bytes     integer  bytes     Bytes sent
SELECT path, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, failures, bytes
FROM (
  SELECT path, cast(round(sum(weight)) AS bigint) AS requests, count(DISTINCT client) AS clients,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  WHERE NOT health_check
  GROUP BY 1
)
ORDER BY requests DESC, path
