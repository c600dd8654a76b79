SELECT n.nspname || '.' || c.relname
FROM pg_index x
JOIN pg_class c ON c.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (x.indisvalid AND x.indisready) AND c.relkind = 'i'
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY 1
