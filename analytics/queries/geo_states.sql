-- title: State of the places
-- description: Whether the place of the client was found, and why not.
-- column: geo_state   string     -         State
-- column: requests    integer    requests  Requests
-- column: share       number     share     Share of requests
-- column: clients     integer    clients   Clients
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT geo_state, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, first_seen, last_seen
FROM (
  SELECT geo_state,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS clients, min(ts) AS first_seen, max(ts) AS last_seen
  FROM chosen
  WHERE NOT health_check
  GROUP BY geo_state
)
ORDER BY requests DESC, geo_state
