-- title: Nodes of the NLB
-- description: Who connects to nginx: the nodes of the NLB, or the proxy before it. A peer with faults where others have none is the place to look at.
-- limit: 100
-- column: peer            ip         -         Peer
-- column: nlb             string     -         NLB
-- column: requests        integer    requests  Requests
-- column: health_checks   integer    requests  Health checks
-- column: resolved        integer    requests  With a client, without health checks
-- column: nlb_private_ip  integer    requests  With the address of an NLB
-- column: faulty          integer    requests  Requests that show a fault of the chain
-- column: first_seen      timestamp  -         First seen
-- column: last_seen       timestamp  -         Last seen
SELECT source_ip AS peer, max(nlb) AS nlb, cast(round(sum(weight)) AS bigint) AS requests,
       cast(round(sum(CASE WHEN health_check THEN weight ELSE 0 END)) AS bigint) AS health_checks,
       cast(round(sum(CASE WHEN NOT health_check AND client IS NOT NULL THEN weight ELSE 0 END)) AS bigint) AS resolved,
       cast(round(sum(CASE WHEN nlb_private_ip THEN weight ELSE 0 END)) AS bigint) AS nlb_private_ip,
       cast(round(sum(CASE WHEN fault THEN weight ELSE 0 END)) AS bigint) AS faulty,
       min(ts) AS first_seen, max(ts) AS last_seen
FROM chosen
WHERE source_ip IS NOT NULL
GROUP BY source_ip
ORDER BY requests DESC, peer
