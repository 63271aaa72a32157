-- title: Referrers
-- description: Which other sites lead here. A request of which the page is of the same host is left out.
-- limit: 100
-- column: site      string   -         Site
-- column: requests  integer  requests  Requests
-- column: share     number   share     Share of requests
-- column: visitors  integer  clients   Visitors
-- column: failures  integer  requests  Status 400 and above
-- column: bytes     integer  bytes     Bytes sent
SELECT site, requests, 1e0 * requests / sum(requests) OVER () AS share, visitors, failures, bytes
FROM (
  SELECT nullif(regexp_extract(referrer, '^[A-Za-z]+://([^/?#]+)', 1), '') AS site,
         cast(round(sum(weight)) AS bigint) AS requests,
         count(DISTINCT client) AS visitors,
         cast(round(sum(CASE WHEN status >= 400 THEN weight ELSE 0 END)) AS bigint) AS failures,
         cast(round(sum(weight * coalesce(bytes, 0))) AS bigint) AS bytes
  FROM chosen
  WHERE NOT health_check AND NOT robot AND referrer LIKE '%://%'
    AND coalesce(regexp_extract(referrer, '^[A-Za-z]+://([^/?#:]+)', 1) <> host, true)
  GROUP BY 1
)
ORDER BY requests DESC, site
