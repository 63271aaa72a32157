-- title: Verdicts
-- description: How the client of a request is known, and the first cause that fits.
-- column: verdict     string     -         Verdict
-- column: reason      string     -         Reason
-- column: requests    integer    requests  Requests
-- column: share       number     share     Share of requests
-- column: clients     integer    clients   Clients
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT verdict, reason, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, first_seen, last_seen
FROM (
  SELECT verdict, reason,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS clients, min(ts) AS first_seen, max(ts) AS last_seen
  FROM chosen
  GROUP BY verdict, reason
)
ORDER BY requests DESC, verdict, reason
