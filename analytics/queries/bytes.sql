-- title: Bytes
-- description: The paths that most bytes are sent for.
-- limit: 100
-- column: path      string   -         Path
-- column: bytes     integer  bytes     Bytes sent
-- column: share     number   share     Share of all bytes
-- column: requests  integer  requests  Requests
-- column: mean      integer  bytes     Mean
-- column: most      integer  bytes     Largest
SELECT path, bytes, 1e0 * bytes / nullif(sum(bytes) OVER (), 0) AS share, requests,
       cast(round(1e0 * bytes / requests) AS bigint) AS mean, most
FROM (
  SELECT path, cast(round(sum(weight * bytes)) AS bigint) AS bytes,
         cast(round(sum(weight)) AS bigint) AS requests,
         max(bytes) AS most
  FROM chosen
  WHERE NOT health_check AND bytes IS NOT NULL
  GROUP BY path
)
ORDER BY bytes DESC, path
