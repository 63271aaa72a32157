-- title: Slow paths
-- description: The slowest paths, by the time that 90 of 100 requests take at most. Paths with fewer than 10 requests are left out.
-- limit: 100
-- column: method    string   -         Method
-- column: path      string   -         Path
-- column: requests  integer  requests  Requests
-- column: mean      number   seconds   Mean
-- column: p50       number   seconds   Half take at most
-- column: p90       number   seconds   90 of 100 take at most
-- column: p99       number   seconds   99 of 100 take at most
-- column: longest   number   seconds   Longest
SELECT method, path, cast(round(total) AS bigint) AS requests, cast(round(spent / total) AS bigint) / 1e9 AS mean,
       p50, p90, p99, longest
FROM (
  SELECT method, path, max(total) AS total, sum(weight * duration_ns) AS spent,
         {percentiles},
         max(duration_ns) / 1e9 AS longest
  FROM (
    SELECT method, path, duration_ns, weight,
           sum(weight) OVER (PARTITION BY method, path ORDER BY duration_ns ROWS UNBOUNDED PRECEDING) AS below,
           sum(weight) OVER (PARTITION BY method, path) AS total
    FROM (
      SELECT method, path, duration_ns, sum(weight) AS weight
      FROM chosen
      WHERE NOT health_check AND duration_ns IS NOT NULL
      GROUP BY 1, 2, 3
    )
  )
  GROUP BY method, path
)
WHERE round(total) >= 10
ORDER BY p90 DESC, requests DESC, method, path
