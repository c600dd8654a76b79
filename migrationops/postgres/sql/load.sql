SELECT (SELECT coalesce(extract(epoch FROM max(replay_lag)), 0)::float
          FROM pg_catalog.pg_stat_replication
         WHERE replay_lsn IS NULL OR replay_lsn::text <> ALL (%s)),
       (SELECT count(*) FROM pg_catalog.pg_stat_activity
         WHERE state = 'active' AND backend_type = 'client backend'
           AND datname = current_database() AND pid <> pg_backend_pid())
