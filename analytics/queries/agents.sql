-- title: User agents
-- description: Browsers and other programs with their systems, by what they say of themselves.
-- limit: 100
-- column: agent     string   -         Program
-- column: system    string   -         System
-- column: robot     boolean  -         Says that it is a robot
-- column: requests  integer  requests  Requests
-- column: share     number   share     Share of requests
-- column: clients   integer  clients   Clients
-- column: failures  integer  requests  Status 400 and above
-- column: bytes     integer  bytes     Bytes sent
SELECT agent, system, robot, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, failures, bytes
FROM (
  SELECT agent_name AS agent, agent_os AS system, robot,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS clients,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  WHERE NOT health_check
  GROUP BY 1, 2, 3
)
ORDER BY requests DESC, agent, system, robot
