-- Tables that this session made itself are not visible here, and in nobody's way.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_locks l
      JOIN pg_catalog.pg_class c ON c.oid = l.relation
     WHERE l.pid = %(pid)s AND l.granted AND l.locktype = 'relation'
       AND l.mode <> 'AccessShareLock'
       AND l.database = (SELECT oid FROM pg_catalog.pg_database
                          WHERE datname = current_database())
       AND c.relnamespace <> 'pg_catalog'::regnamespace)
