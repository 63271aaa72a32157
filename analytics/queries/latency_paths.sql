-- title: Paths by time spent
-- description: The paths that nginx spends most time on, with how long a request takes.
-- limit: 100
-- column: path      string   -         Path
-- column: requests  integer  requests  Requests
-- column: mean      number   seconds   Mean
-- column: p50       number   seconds   Half take at most
-- column: p90       number   seconds   90 of 100 take at most
-- column: p99       number   seconds   99 of 100 take at most
-- column: longest   number   seconds   Longest
-- column: total     number   seconds   All together
SELECT path, cast(round(total) AS bigint) AS requests, cast(round(spent / total) AS bigint) / 1e9 AS mean,
       p50, p90, p99, longest, round(spent / 1e6) / 1e3 AS total
FROM (
  SELECT path, max(total) AS total, sum(weight * duration_ns) AS spent,
         {percentiles},
         max(duration_ns) / 1e9 AS longest
  FROM (
    SELECT path, duration_ns, weight,
           sum(weight) OVER (PARTITION BY path ORDER BY duration_ns ROWS UNBOUNDED PRECEDING) AS below,
           sum(weight) OVER (PARTITION BY path) AS total
    FROM (
      SELECT path, duration_ns, sum(weight) AS weight
      FROM chosen
      WHERE NOT health_check AND duration_ns IS NOT NULL
      GROUP BY 1, 2
    )
  )
  GROUP BY path
)
ORDER BY total DESC, path
