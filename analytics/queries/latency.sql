-- title: Latency
-- description: How long requests take, from the first byte read to the last written. Health checks are left out.
-- column: requests  integer  requests  Requests
-- column: mean      number   seconds   Mean
-- column: p50       number   seconds   Half take at most
-- column: p90       number   seconds   90 of 100 take at most
-- column: p99       number   seconds   99 of 100 take at most
-- column: longest   number   seconds   Longest
SELECT cast(round(total) AS bigint) AS requests, cast(round(spent / total) AS bigint) / 1e9 AS mean,
       p50, p90, p99, longest
FROM (
  SELECT max(total) AS total, sum(weight * duration_ns) AS spent,
         {percentiles},
         max(duration_ns) / 1e9 AS longest
  FROM (
    SELECT duration_ns, weight,
           sum(weight) OVER (ORDER BY duration_ns ROWS UNBOUNDED PRECEDING) AS below,
           sum(weight) OVER () AS total
    FROM (
      SELECT duration_ns, sum(weight) AS weight
      FROM chosen
      WHERE NOT health_check AND duration_ns IS NOT NULL
      GROUP BY 1
    )
  )
)
WHERE total > 0
ORDER BY requests
