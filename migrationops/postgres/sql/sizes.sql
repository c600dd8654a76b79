-- Rows and bytes (indexes and TOAST included) of every user table.
-- Rows as the planner estimates them: the density at the last ANALYZE, or the
-- widths of the columns where there was none (reltuples = -1), times the pages that
-- the file has now. A table that someone holds ACCESS EXCLUSIVE would make
-- pg_relation_size wait: its last known pages stand in.
WITH RECURSIVE locked AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted
      AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
), relation AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples, c.relpages,
           current_setting('block_size')::bigint AS block,
           c.oid NOT IN (SELECT relation FROM locked) AS free
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), measured AS MATERIALIZED (
    SELECT r.*,
           CASE WHEN r.free AND r.relkind <> 'p'
                THEN coalesce(pg_relation_size(r.oid), 0) / r.block
                ELSE r.relpages END AS pages,
           CASE WHEN r.free AND r.relkind <> 'p'
                THEN coalesce(pg_total_relation_size(r.oid), 0)
                ELSE r.relpages * r.block END AS bytes,
           (SELECT 28 + coalesce(sum(CASE WHEN t.typlen > 0 THEN t.typlen ELSE 32 END), 0)
            FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped) AS width
    FROM relation r
), estimated AS MATERIALIZED (
    SELECT m.oid, m.bytes,
           CASE WHEN m.relkind = 'p' OR m.pages = 0 THEN 0
                WHEN m.reltuples >= 0 AND m.relpages > 0
                    THEN m.reltuples / m.relpages * m.pages
                ELSE (m.block - 24.0) / m.width * m.pages END AS rows
    FROM measured m
), tree (root, oid) AS (
    SELECT oid, oid FROM relation
    UNION
    SELECT t.root, h.inhrelid
    FROM tree t
    JOIN pg_inherits h ON h.inhparent = t.oid
    JOIN relation r ON r.oid = t.root AND r.relkind = 'p'
)
SELECT r.nspname || '.' || r.relname,
       ceil(sum(e.rows))::bigint,
       sum(e.bytes)::bigint
FROM tree t
JOIN relation r ON r.oid = t.root
JOIN estimated e ON e.oid = t.oid
GROUP BY 1
