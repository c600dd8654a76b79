-- Who owns a table may lock it; who may only refer to it may not.
SELECT c.oid::int8, n.nspname, c.relname,
       has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE'),
       ARRAY(SELECT x.confrelid::int8 FROM pg_catalog.pg_constraint x
              WHERE x.conrelid = c.oid AND x.contype = 'f'
              UNION
             SELECT i.inhparent::int8 FROM pg_catalog.pg_inherits i
              WHERE i.inhrelid = c.oid)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname || '.' || c.relname = ANY (%(names)s) AND c.relkind IN ('r', 'p')
