-- title: Statuses over time
-- description: Requests by class of status over time. Health checks are left out.
-- column: since         timestamp  -         From
-- column: status_2xx    integer    requests  200 to 299
-- column: status_3xx    integer    requests  300 to 399
-- column: status_4xx    integer    requests  400 to 499
-- column: status_5xx    integer    requests  500 to 599
-- column: status_other  integer    requests  Others, or none
SELECT {bucket} AS since,
       cast(round(sum(CASE WHEN status BETWEEN 200 AND 299 THEN weight ELSE 0 END)) AS bigint) AS status_2xx,
       cast(round(sum(CASE WHEN status BETWEEN 300 AND 399 THEN weight ELSE 0 END)) AS bigint) AS status_3xx,
       cast(round(sum(CASE WHEN status BETWEEN 400 AND 499 THEN weight ELSE 0 END)) AS bigint) AS status_4xx,
       cast(round(sum(CASE WHEN status BETWEEN 500 AND 599 THEN weight ELSE 0 END)) AS bigint) AS status_5xx,
       cast(round(sum(CASE WHEN coalesce(status NOT BETWEEN 200 AND 599, true) THEN weight ELSE 0 END)) AS bigint) AS status_other
FROM chosen
WHERE NOT health_check
GROUP BY 1
ORDER BY 1
