-- title: Health checks
-- description: The probes of the load balancer, by peer, path and status.
-- limit: 100
-- column: peer        ip         -         Peer
-- column: path        string     -         Path
-- column: agent       string     -         User agent
-- column: status      integer    -         Status
-- column: requests    integer    requests  Requests
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT source_ip AS peer, path, user_agent AS agent, status, cast(round(sum(weight)) AS bigint) AS requests, min(ts) AS first_seen, max(ts) AS last_seen
FROM chosen
WHERE health_check
GROUP BY source_ip, path, user_agent, status
ORDER BY requests DESC, peer, path, agent, status
