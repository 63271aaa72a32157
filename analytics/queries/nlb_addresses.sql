-- title: Addresses of an NLB
-- description: Requests that still show the address of an NLB, by reason and hop, with since when. A reason that is no fault is normal: health checks, and requests that nginx refused early.
-- column: reason      string     -         Reason
-- column: hop         string     -         Hop
-- column: fault       boolean    -         Is a fault
-- column: requests    integer    requests  Requests
-- column: share       number     share     Share of all requests
-- column: first_seen  timestamp  -         First seen
-- column: last_seen   timestamp  -         Last seen
SELECT reason, hop, fault, requests, share, first_seen, last_seen
FROM (
  SELECT *, 1e0 * requests / sum(requests) OVER () AS share
  FROM (
    SELECT nlb_private_ip, reason, hop, fault, cast(round(sum(weight)) AS bigint) AS requests, min(ts) AS first_seen, max(ts) AS last_seen
    FROM chosen
    GROUP BY nlb_private_ip, reason, hop, fault
  )
)
WHERE nlb_private_ip
ORDER BY requests DESC, reason, hop
