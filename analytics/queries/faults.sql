-- title: Faults of the chain
-- description: What is broken, by hop and reason, with when it was first and last seen and how many peers show it. Lines of the error log count too.
-- column: hop             string     -      Hop
-- column: reason          string     -      Reason
-- column: lines           integer    lines  Lines
-- column: share           number     share  Share of lines with a reason
-- column: nlb_private_ip  integer    lines  With the address of an NLB
-- column: first_seen      timestamp  -      First seen
-- column: last_seen       timestamp  -      Last seen
-- column: peers           integer    peers  Peers
SELECT hop, reason, lines, share, nlb_private_ip, first_seen, last_seen, peers
FROM (
  SELECT *, 1e0 * lines / sum(lines) OVER () AS share
  FROM (
    SELECT hop, reason, fault, cast(round(sum(weight)) AS bigint) AS lines,
           cast(round(sum(CASE WHEN nlb_private_ip THEN weight ELSE 0 END)) AS bigint) AS nlb_private_ip,
           min(ts) AS first_seen, max(ts) AS last_seen, count(DISTINCT source_ip) AS peers
    FROM chosen_lines
    WHERE reason IS NOT NULL
    GROUP BY hop, reason, fault
  )
)
WHERE fault
ORDER BY lines DESC, reason, hop
