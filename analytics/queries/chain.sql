-- title: The chain
-- description: Look here first: one row with how many lines were read, how many requests have a client, and how many show the address of an NLB.
-- column: lines                 integer    lines     Lines
-- column: requests              integer    requests  Requests
-- column: unparsed              integer    lines     Lines that no format reads
-- column: error_lines           integer    lines     Lines of the error log
-- column: duplicates            integer    events    Copies that were left out
-- column: health_checks         integer    requests  Health checks
-- column: resolved              integer    requests  With a client, without health checks
-- column: resolved_share        number     share     Share with a client
-- column: vouched_share         number     share     Share with a client that a trusted hop vouches for
-- column: nlb_private_ip        integer    requests  With the address of an NLB, without health checks
-- column: nlb_private_ip_share  number     share     Share with the address of an NLB
-- column: nlb_private_ip_since  timestamp  -         First with the address of an NLB
-- column: nlb_private_ip_until  timestamp  -         Last with the address of an NLB
-- column: faulty                integer    lines     Lines that show a fault of the chain
-- column: located               integer    requests  With a country
-- column: first_seen            timestamp  -         First line
-- column: last_seen             timestamp  -         Last line
SELECT lines, requests, unparsed, error_lines, duplicates, health_checks, resolved,
       1e0 * resolved / nullif(requests - health_checks, 0) AS resolved_share,
       1e0 * vouched / nullif(requests - health_checks, 0) AS vouched_share,
       nlb_private_ip, 1e0 * nlb_private_ip / nullif(requests - health_checks, 0) AS nlb_private_ip_share,
       nlb_private_ip_since, nlb_private_ip_until, faulty, located, first_seen, last_seen
FROM (
  SELECT coalesce(cast(round(sum(weight)) AS bigint), 0) AS lines,
         coalesce(cast(round(sum(CASE WHEN dataset = 'nginx.access' THEN weight ELSE 0 END)) AS bigint), 0) AS requests,
         coalesce(cast(round(sum(CASE WHEN dataset = 'nginx.unparsed' THEN weight ELSE 0 END)) AS bigint), 0) AS unparsed,
         coalesce(cast(round(sum(CASE WHEN dataset = 'nginx.error' THEN weight ELSE 0 END)) AS bigint), 0) AS error_lines,
         coalesce(cast(sum(copies - 1) AS bigint), 0) AS duplicates,
         coalesce(cast(round(sum(CASE WHEN health_check AND dataset = 'nginx.access' THEN weight ELSE 0 END)) AS bigint), 0) AS health_checks,
         coalesce(cast(round(sum(CASE WHEN dataset = 'nginx.access' AND NOT health_check AND client IS NOT NULL THEN weight ELSE 0 END)) AS bigint), 0) AS resolved,
         coalesce(cast(round(sum(CASE WHEN dataset = 'nginx.access' AND NOT health_check AND client IS NOT NULL AND vouched THEN weight ELSE 0 END)) AS bigint), 0) AS vouched,
         coalesce(cast(round(sum(CASE WHEN dataset = 'nginx.access' AND NOT health_check AND nlb_private_ip THEN weight ELSE 0 END)) AS bigint), 0) AS nlb_private_ip,
         min(CASE WHEN nlb_private_ip AND NOT health_check THEN ts END) AS nlb_private_ip_since,
         max(CASE WHEN nlb_private_ip AND NOT health_check THEN ts END) AS nlb_private_ip_until,
         coalesce(cast(round(sum(CASE WHEN fault THEN weight ELSE 0 END)) AS bigint), 0) AS faulty,
         coalesce(cast(round(sum(CASE WHEN dataset = 'nginx.access' AND NOT health_check AND client_country IS NOT NULL THEN weight ELSE 0 END)) AS bigint), 0) AS located,
         min(ts) AS first_seen, max(ts) AS last_seen
  FROM chosen_lines
)
ORDER BY lines
