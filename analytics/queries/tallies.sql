-- title: What the doctor judges
-- description: The lines that are alike in all that the doctor asks for, by time. The report gives these rows to the doctor, so that both say the same.
-- column: since         timestamp  -      From
-- column: source        string     -      Log stream or file
-- column: peer          ip         -      Peer
-- column: peer_always   boolean    -      The peer is logged in right lines too
-- column: reason        string     -      Reason
-- column: hop           string     -      Hop
-- column: alternatives  string     -      Other reasons
-- column: lines         integer    lines  Lines
-- column: first_seen    timestamp  -      First seen
-- column: last_seen     timestamp  -      Last seen
SELECT since, source, peer,
       sum(right_lines) OVER (PARTITION BY source) > 0
         AND sum(right_lines) OVER (PARTITION BY source) = sum(right_peers) OVER (PARTITION BY source) AS peer_always,
       reason, hop, alternatives, lines, first_seen, last_seen
FROM (
  SELECT {bucket} AS since, coalesce(log_stream, file) AS source, source_ip AS peer, reason, hop, alternatives,
         cast(round(sum(weight)) AS bigint) AS lines,
         sum(CASE WHEN verdict = 'direct' THEN 1 ELSE 0 END) AS right_lines,
         sum(CASE WHEN verdict = 'direct' AND source_ip IS NOT NULL THEN 1 ELSE 0 END) AS right_peers,
         min(CASE WHEN timed THEN ts END) AS first_seen, max(CASE WHEN timed THEN ts END) AS last_seen
  FROM (SELECT *, coalesce(timestamp_from, 'line') NOT IN ('previous_line', 'clock') AS timed FROM chosen_lines)
  WHERE reason IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5, 6
)
ORDER BY since, source, peer, reason, hop, alternatives
