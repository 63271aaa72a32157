-- title: Clients
-- description: Who sends the most requests, with country and network. Health checks are left out.
-- limit: 100
-- column: client      string     -         Client
-- column: country     string     -         Country
-- column: network     string     -         Network
-- column: requests    integer    requests  Requests
-- column: share       number     share     Share of requests
-- column: failures    integer    requests  Status 400 and above
-- column: bytes       integer    bytes     Bytes sent
-- column: paths       integer    paths     Different paths
-- column: robot       boolean    -         Says that it is a robot
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT client, country, network, requests, 1e0 * requests / sum(requests) OVER () AS share, failures, bytes, paths, robot, first_seen, last_seen
FROM (
  SELECT client, max(client_country) AS country, max(client_as_org) AS network, cast(round(sum(weight)) AS bigint) AS requests,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes, count(DISTINCT path) AS paths,
         max(CASE WHEN robot THEN 1 ELSE 0 END) = 1 AS robot, min(ts) AS first_seen, max(ts) AS last_seen
  FROM chosen
  WHERE NOT health_check AND client IS NOT NULL
  GROUP BY client
)
ORDER BY requests DESC, client
