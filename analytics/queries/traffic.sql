-- title: Traffic
-- description: Requests over time, with visitors, robots, health checks, failures of the server and bytes.
-- column: since          timestamp  -         From
-- column: requests       integer    requests  Requests without health checks
-- column: visitors       integer    clients   Visitors: clients that are no robots
-- column: robots         integer    requests  Requests of robots
-- column: health_checks  integer    requests  Health checks
-- column: failures       integer    requests  Status 500 and above
-- column: bytes          integer    bytes     Bytes sent
SELECT {bucket} AS since,
       cast(round(sum(CASE WHEN NOT health_check THEN weight ELSE 0 END)) AS bigint) AS requests,
       count(DISTINCT CASE WHEN NOT health_check AND NOT robot THEN client END) AS visitors,
       cast(round(sum(CASE WHEN NOT health_check AND robot THEN weight ELSE 0 END)) AS bigint) AS robots,
       cast(round(sum(CASE WHEN health_check THEN weight ELSE 0 END)) AS bigint) AS health_checks,
       cast(round(sum(CASE WHEN NOT health_check AND status >= 500 THEN weight ELSE 0 END)) AS bigint) AS failures,
       cast(round(sum(CASE WHEN NOT health_check THEN weight * coalesce(bytes, 0) ELSE 0 END)) AS bigint) AS bytes
FROM chosen
GROUP BY 1
ORDER BY 1
