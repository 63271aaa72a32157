-- title: Upstream servers
-- description: How the servers behind nginx answer: how long they take, how often they fail, and how often nginx tried another one before. The server that was tried last counts.
-- limit: 100
-- column: upstream  string   -         Server
-- column: requests  integer  requests  Requests
-- column: failures  integer  requests  Status 500 and above of the server
-- column: retried   integer  requests  After another server failed
-- column: mean      number   seconds   Mean
-- column: p50       number   seconds   Half take at most
-- column: p90       number   seconds   90 of 100 take at most
-- column: p99       number   seconds   99 of 100 take at most
-- column: longest   number   seconds   Longest
SELECT upstream, requests, failures, retried, cast(round(spent / timed) AS bigint) / 1e9 AS mean, p50, p90, p99, longest
FROM (
  SELECT upstream, cast(round(max(counted)) AS bigint) AS requests, cast(round(sum(failed)) AS bigint) AS failures,
         cast(round(sum(again)) AS bigint) AS retried, nullif(max(total), 0) AS timed,
         sum(CASE WHEN duration_ns IS NOT NULL THEN weight * duration_ns END) AS spent,
         {percentiles},
         max(duration_ns) / 1e9 AS longest
  FROM (
    SELECT upstream, duration_ns, weight, failed, again,
           sum(CASE WHEN duration_ns IS NOT NULL THEN weight ELSE 0 END) OVER (PARTITION BY upstream ORDER BY duration_ns ROWS UNBOUNDED PRECEDING) AS below,
           sum(CASE WHEN duration_ns IS NOT NULL THEN weight ELSE 0 END) OVER (PARTITION BY upstream) AS total,
           sum(weight) OVER (PARTITION BY upstream) AS counted
    FROM (
      SELECT upstream, cast(round(upstream_seconds * 1e9) AS bigint) AS duration_ns, sum(weight) AS weight,
             sum(CASE WHEN upstream_status >= 500 THEN weight ELSE 0 END) AS failed,
             sum(CASE WHEN upstream_tries > 1 THEN weight ELSE 0 END) AS again
      FROM chosen
      WHERE upstream IS NOT NULL
      GROUP BY 1, 2
    )
  )
  GROUP BY upstream
)
ORDER BY requests DESC, upstream
