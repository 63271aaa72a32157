-- title: One client
-- description: What one client asked for, by method, path and status. The client is a value of the question.
-- limit: 100
-- column: method      string     -         Method
-- column: path        string     -         Path
-- column: status      integer    -         Status
-- column: requests    integer    requests  Requests
-- column: bytes       integer    bytes     Bytes sent
-- column: verdict     string     -         Last verdict by name
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT method, path, status, cast(round(sum(weight)) AS bigint) AS requests,
       cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes, max(verdict) AS verdict,
       min(ts) AS first_seen, max(ts) AS last_seen
FROM chosen
WHERE client = {client}
GROUP BY method, path, status
ORDER BY requests DESC, method, path, status
