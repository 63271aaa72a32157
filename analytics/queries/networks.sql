-- title: Networks
-- description: Requests by the network (autonomous system) of the client, robots counted too.
-- limit: 100
-- column: asn       integer  -         AS number
-- column: network   string   -         Network
-- column: requests  integer  requests  Requests
-- column: share     number   share     Share of requests
-- column: clients   integer  clients   Clients
-- column: failures  integer  requests  Status 400 and above
-- column: bytes     integer  bytes     Bytes sent
SELECT asn, network, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, failures, bytes
FROM (
  SELECT client_asn AS asn, client_as_org AS network,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS clients,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  WHERE NOT health_check AND client_ip IS NOT NULL
  GROUP BY 1, 2
)
ORDER BY requests DESC, asn, network
