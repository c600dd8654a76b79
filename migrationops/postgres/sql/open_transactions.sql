SELECT a.pid, a.usename, a.application_name, a.backend_type, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float AS seconds,
       a.query, NULL
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND a.pid <> ALL (%(ours)s)
   AND a.xact_start < clock_timestamp() - make_interval(secs => %(older_than)s)
 UNION ALL
SELECT 0, p.owner, NULL, 'prepared transaction', NULL,
       extract(epoch FROM clock_timestamp() - p.prepared)::float, NULL, p.gid
  FROM pg_catalog.pg_prepared_xacts p
 WHERE p.database = current_database()
   AND p.prepared < clock_timestamp() - make_interval(secs => %(older_than)s)
 ORDER BY seconds DESC NULLS LAST, 1
