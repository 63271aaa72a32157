-- title: Quality of the data
-- description: How many requests have a client, show the address of an NLB, or have a disputed client, over time. Health checks are left out.
-- column: since                 timestamp  -         From
-- column: requests              integer    requests  Requests
-- column: resolved_share        number     share     Share with a client
-- column: vouched_share         number     share     Share with a client that a trusted hop vouches for
-- column: nlb_private_ip_share  number     share     Share with the address of an NLB
-- column: disputed              integer    requests  Disputed
SELECT since, requests, 1e0 * resolved / requests AS resolved_share, 1e0 * vouched / requests AS vouched_share,
       1e0 * nlb_private_ip / requests AS nlb_private_ip_share, disputed
FROM (
  SELECT {bucket} AS since, cast(round(sum(weight)) AS bigint) AS requests,
         cast(round(sum(CASE WHEN client IS NOT NULL THEN weight ELSE 0 END)) AS bigint) AS resolved,
         cast(round(sum(CASE WHEN client IS NOT NULL AND vouched THEN weight ELSE 0 END)) AS bigint) AS vouched,
         cast(round(sum(CASE WHEN nlb_private_ip THEN weight ELSE 0 END)) AS bigint) AS nlb_private_ip,
         cast(round(sum(CASE WHEN verdict = 'disputed' THEN weight ELSE 0 END)) AS bigint) AS disputed
  FROM chosen
  WHERE NOT health_check
  GROUP BY 1
)
ORDER BY since
