-- title: Errors
-- description: Which paths fail, by status, with how many clients see it and since when.
-- limit: 100
-- column: path        string     -         Path
-- column: status      integer    -         Status
-- column: requests    integer    requests  Requests
-- column: share       number     share     Share of all errors
-- column: clients     integer    clients   Clients
-- column: upstream    integer    requests  The upstream server said so
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT path, status, requests, 1e0 * requests / sum(requests) OVER () AS share, clients, upstream, first_seen, last_seen
FROM (
  SELECT path, status, cast(round(sum(weight)) AS bigint) AS requests, count(DISTINCT client) AS clients,
         cast(round(sum(CASE WHEN upstream_status = status THEN weight ELSE 0 END)) AS bigint) AS upstream,
         min(ts) AS first_seen, max(ts) AS last_seen
  FROM chosen
  WHERE NOT health_check AND status >= 400
  GROUP BY path, status
)
ORDER BY requests DESC, path, status
