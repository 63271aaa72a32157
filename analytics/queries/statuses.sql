-- title: Statuses
-- description: Requests by status. Health checks are left out.
-- column: status      integer    -         Status
-- column: requests    integer    requests  Requests
-- column: share       number     share     Share of requests
-- column: clients     integer    clients   Clients
-- column: bytes       integer    bytes     Bytes sent
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT status, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, bytes, first_seen, last_seen
FROM (
  SELECT status, cast(round(sum(weight)) AS bigint) AS requests, count(DISTINCT client) AS clients,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes, min(ts) AS first_seen, max(ts) AS last_seen
  FROM chosen
  WHERE NOT health_check
  GROUP BY status
)
ORDER BY requests DESC, status
