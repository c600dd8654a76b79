-- A prepared transaction has no process: pg_blocking_pids says 0.
SELECT b.pid, a.usename, a.application_name, a.backend_type, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float, a.query,
       CASE WHEN b.pid = 0 THEN '(see pg_prepared_xacts)' END
  FROM (SELECT DISTINCT unnest(pg_catalog.pg_blocking_pids(%(pid)s)) AS pid) b
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
 ORDER BY a.xact_start, b.pid
