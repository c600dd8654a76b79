-- pg_blocking_pids is asked for sessions that wait only: it stops the lock manager.
SELECT a.pid, a.usename, a.application_name, a.backend_type, a.state,
       coalesce(extract(epoch FROM clock_timestamp() - w.since), 0)::float AS seconds,
       a.query, NULL
  FROM (SELECT pid, min(waitstart) AS since FROM pg_catalog.pg_locks
         WHERE NOT granted AND pid <> %(pid)s GROUP BY pid) w
  JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
 WHERE coalesce(a.backend_type, 'client backend') = 'client backend'
   AND %(pid)s = ANY (pg_catalog.pg_blocking_pids(w.pid))
 ORDER BY seconds DESC, a.pid
