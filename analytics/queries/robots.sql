-- title: Robots
-- description: Which robots come, by the name in their user agent, which anybody can write.
-- limit: 100
-- column: agent      string     -         Robot
-- column: requests   integer    requests  Requests
-- column: share      number     share     Share of the robots' requests
-- column: clients    integer    clients   Clients
-- column: paths      integer    paths     Different paths
-- column: failures   integer    requests  Status 400 and above
-- column: bytes      integer    bytes     Bytes sent
-- column: last_seen  timestamp  -         Last seen
SELECT agent, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, paths, failures, bytes, last_seen
FROM (
  SELECT agent_name AS agent,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS clients, count(DISTINCT path) AS paths,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes, max(ts) AS last_seen
  FROM chosen
  WHERE robot AND NOT health_check
  GROUP BY agent_name
)
ORDER BY requests DESC, agent
