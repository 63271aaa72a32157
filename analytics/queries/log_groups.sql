-- title: Log groups
-- description: How many lines each log group or file gave, and how many of them could not be read or show a fault.
-- limit: 100
-- column: source       string     -         Log group or file
-- column: lines        integer    lines     Lines
-- column: requests     integer    requests  Requests
-- column: unparsed     integer    lines     Lines that no format reads
-- column: error_lines  integer    lines     Lines of the error log
-- column: faulty       integer    lines     Lines that show a fault of the chain
-- column: duplicates   integer    events    Copies that were left out
-- column: first_seen   timestamp  -         First seen
-- column: last_seen    timestamp  -         Last seen
SELECT coalesce(log_group, file) AS source, cast(round(sum(weight)) AS bigint) AS lines,
       cast(round(sum(CASE WHEN dataset = 'nginx.access' THEN weight ELSE 0 END)) AS bigint) AS requests,
       cast(round(sum(CASE WHEN dataset = 'nginx.unparsed' THEN weight ELSE 0 END)) AS bigint) AS unparsed,
       cast(round(sum(CASE WHEN dataset = 'nginx.error' THEN weight ELSE 0 END)) AS bigint) AS error_lines,
       cast(round(sum(CASE WHEN fault THEN weight ELSE 0 END)) AS bigint) AS faulty,
       cast(sum(copies - 1) AS bigint) AS duplicates, min(ts) AS first_seen, max(ts) AS last_seen
FROM chosen_lines
GROUP BY 1
ORDER BY lines DESC, source
