SELECT coalesce(l.pid, 0), coalesce(a.usename, p.owner), a.application_name,
       CASE WHEN l.pid IS NULL THEN 'prepared transaction' ELSE a.backend_type END,
       a.state,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared))::float
           AS seconds,
       a.query, p.gid
  FROM (SELECT DISTINCT pid, virtualtransaction FROM pg_catalog.pg_locks
         WHERE locktype = 'relation' AND granted
           AND database = (SELECT oid FROM pg_catalog.pg_database
                            WHERE datname = current_database())
           AND (relation, mode) IN (
               SELECT to_regclass(t), m
                 FROM unnest(%(tables)s::text[], %(modes)s::text[]) AS u (t, m))
           AND (pid IS NULL OR pid <> pg_backend_pid() AND pid <> ALL (%(ours)s))) l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_catalog.pg_locks x
    ON l.pid IS NULL AND x.virtualtransaction = l.virtualtransaction
   AND x.locktype = 'transactionid'
  LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
 ORDER BY seconds DESC NULLS LAST, 1
