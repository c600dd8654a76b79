-- Every table, view, materialised and foreign table of the user's schemas as one
-- JSON array of migrationops.schema.Table; absent keys are the dataclass's defaults.
-- %(tables)s limits it to these qualified names, or is null.
WITH relation AS MATERIALIZED (
    SELECT c.*, n.nspname
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (
          SELECT FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND c.relname <> 'django_migrations' AND c.relname !~ '^migrationops_'
      AND (%(tables)s::text[] IS NULL
           OR n.nspname || '.' || c.relname = ANY (%(tables)s))
), column_part AS MATERIALIZED (
    SELECT a.attrelid AS oid, json_agg(json_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'nullable', CASE WHEN a.attnotnull THEN false END,
        'default', pg_get_expr(d.adbin, d.adrelid),
        'identity', nullif(a.attidentity, ''),
        'generated', nullif(a.attgenerated, ''),
        'sequence', CASE WHEN a.attidentity <> '' THEN (
            SELECT concat_ws(' ', format_type(s.seqtypid, NULL), 'START', s.seqstart,
                             'INCREMENT', s.seqincrement, 'MINVALUE', s.seqmin,
                             'MAXVALUE', s.seqmax, 'CACHE', s.seqcache,
                             CASE WHEN s.seqcycle THEN 'CYCLE' END)
            FROM pg_depend e JOIN pg_sequence s ON s.seqrelid = e.objid
            WHERE e.classid = 'pg_class'::regclass AND e.deptype = 'i'
              AND e.refclassid = 'pg_class'::regclass
              AND e.refobjid = a.attrelid AND e.refobjsubid = a.attnum) END,
        'collation', CASE WHEN a.attcollation <> t.typcollation
                          THEN a.attcollation::regcollation::text END,
        'options', nullif(
            coalesce(a.attoptions, '{}')
            || CASE WHEN a.attstorage <> t.typstorage
                    THEN ARRAY['storage=' || a.attstorage::text] ELSE '{}' END
            || CASE WHEN a.attcompression <> ''
                    THEN ARRAY['compression=' || a.attcompression::text] ELSE '{}' END
            || CASE WHEN coalesce(a.attstattarget, -1) >= 0
                    THEN ARRAY['statistics=' || a.attstattarget::text] ELSE '{}' END, '{}'),
        'comment', c.description
    ) ORDER BY a.attname COLLATE "C") AS part
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_description c ON c.classoid = 'pg_class'::regclass
        AND c.objoid = a.attrelid AND c.objsubid = a.attnum
    GROUP BY 1
), index_part AS MATERIALIZED (
    SELECT x.indrelid AS oid, json_agg(json_build_object(
        'name', i.relname,
        'definition', pg_get_indexdef(x.indexrelid),
        'columns', (
            SELECT json_agg(
                CASE WHEN a.attname IS NOT NULL THEN a.attname::text
                     WHEN e.expression LIKE '(%%' THEN e.expression
                     ELSE '(' || e.expression || ')' END ORDER BY k.n)
            FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n)
            LEFT JOIN pg_attribute a
                ON a.attrelid = x.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
            CROSS JOIN LATERAL (
                SELECT CASE WHEN k.attnum = 0 THEN
                    pg_get_indexdef(x.indexrelid, k.n::int, false) END AS expression) e
            WHERE k.n <= x.indnkeyatts),
        'unique', CASE WHEN x.indisunique THEN true END,
        'primary', CASE WHEN x.indisprimary THEN true END,
        'valid', CASE WHEN NOT (x.indisvalid AND x.indisready) THEN false END,
        'predicate', pg_get_expr(x.indpred, x.indrelid),
        'constraint', o.conname,
        'options', nullif(
            CASE WHEN x.indisclustered THEN ARRAY['clustered'] ELSE '{}' END
            || CASE WHEN s.spcname IS NOT NULL
                    THEN ARRAY['tablespace=' || s.spcname::text] ELSE '{}' END, '{}'),
        'comment', obj_description(x.indexrelid, 'pg_class')
    ) ORDER BY i.relname COLLATE "C") AS part
    FROM relation r
    JOIN pg_index x ON x.indrelid = r.oid
    JOIN pg_class i ON i.oid = x.indexrelid
    LEFT JOIN pg_constraint o ON o.conindid = x.indexrelid
        AND o.conrelid = x.indrelid AND o.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_tablespace s ON s.oid = i.reltablespace
    GROUP BY 1
), constraint_part AS MATERIALIZED (
    -- A plain NOT NULL is the column's; its name (since 18) follows from history.
    -- A foreign key's copies for the partitions it refers to are PostgreSQL's own.
    SELECT o.conrelid AS oid, json_agg(json_build_object(
        'name', o.conname,
        'kind', o.contype,
        'definition', pg_get_constraintdef(o.oid),
        'columns', (
            SELECT json_agg(a.attname ORDER BY k.n)
            FROM unnest(o.conkey) WITH ORDINALITY AS k (attnum, n)
            JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.attnum),
        'validated', CASE WHEN NOT o.convalidated THEN false END,
        'enforced', CASE WHEN (to_jsonb(o) ->> 'conenforced') = 'false'
                         THEN false END,
        'references', CASE WHEN o.confrelid <> 0 THEN fn.nspname || '.' || f.relname END,
        'comment', obj_description(o.oid, 'pg_constraint')
    ) ORDER BY o.conname COLLATE "C") AS part
    FROM relation r
    JOIN pg_constraint o ON o.conrelid = r.oid
    LEFT JOIN pg_class f ON f.oid = o.confrelid
    LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
    WHERE o.contype <> 't'
      AND NOT (o.contype = 'n' AND o.convalidated AND NOT o.connoinherit)
      AND NOT EXISTS (
          SELECT FROM pg_constraint p
          WHERE p.oid = o.conparentid AND p.conrelid = o.conrelid)
    GROUP BY 1
), trigger_part AS MATERIALIZED (
    SELECT t.tgrelid AS oid, json_agg(json_build_object(
        'name', t.tgname,
        'definition', pg_get_triggerdef(t.oid),
        'enabled', nullif(t.tgenabled, 'O')
    ) ORDER BY t.tgname COLLATE "C") AS part
    FROM relation r
    JOIN pg_trigger t ON t.tgrelid = r.oid
    WHERE NOT t.tgisinternal AND t.tgparentid = 0
    GROUP BY 1
), policy_part AS MATERIALIZED (
    SELECT p.polrelid AS oid, json_agg(json_build_object(
        'name', p.polname,
        'definition', concat_ws(' ',
            CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            'FOR', p.polcmd,
            'TO', (SELECT string_agg(
                       CASE WHEN u = 0 THEN 'PUBLIC' ELSE u::regrole::text END, ', ')
                   FROM unnest(p.polroles) u),
            'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
            'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    ) ORDER BY p.polname COLLATE "C") AS part
    FROM relation r
    JOIN pg_policy p ON p.polrelid = r.oid
    GROUP BY 1
), parent_part AS MATERIALIZED (
    SELECT h.inhrelid AS oid,
           json_agg(n.nspname || '.' || c.relname ORDER BY h.inhseqno) AS part
    FROM relation r
    JOIN pg_inherits h ON h.inhrelid = r.oid
    JOIN pg_class c ON c.oid = h.inhparent
    JOIN pg_namespace n ON n.oid = c.relnamespace
    GROUP BY 1
)
SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
    'schema', r.nspname,
    'name', r.relname,
    'kind', nullif(r.relkind, 'r'),
    'columns', c.part,
    'indexes', i.part,
    'constraints', o.part,
    'triggers', t.part,
    'policies', p.part,
    'persistence', nullif(r.relpersistence, 'p'),
    'row_security', CASE WHEN r.relrowsecurity THEN true END,
    'row_security_forced', CASE WHEN r.relforcerowsecurity THEN true END,
    'replica_identity', CASE r.relreplident
        WHEN 'i' THEN (SELECT 'index ' || x.indexrelid::regclass
                       FROM pg_index x WHERE x.indrelid = r.oid AND x.indisreplident)
        WHEN 'f' THEN 'full'
        WHEN 'n' THEN CASE WHEN r.relkind IN ('r', 'p') THEN 'nothing' END END,
    'options', nullif(
        coalesce(r.reloptions, '{}')
        || coalesce((SELECT array_agg('toast.' || v) FROM pg_class b, unnest(b.reloptions) v
                     WHERE b.oid = r.reltoastrelid), '{}')
        || CASE WHEN m.amname <> 'heap'
                THEN ARRAY['using=' || m.amname::text] ELSE '{}' END
        || CASE WHEN s.spcname IS NOT NULL
                THEN ARRAY['tablespace=' || s.spcname::text] ELSE '{}' END
        || CASE WHEN r.reloftype <> 0
                THEN ARRAY['of=' || r.reloftype::regtype::text] ELSE '{}' END
        || coalesce((SELECT ARRAY['server=' || v.srvname::text] || ft.ftoptions
                     FROM pg_foreign_table ft
                     JOIN pg_foreign_server v ON v.oid = ft.ftserver
                     WHERE ft.ftrelid = r.oid AND r.relkind = 'f'), '{}'), '{}'),
    'parents', h.part,
    'partition_key', CASE WHEN r.relkind = 'p' THEN pg_get_partkeydef(r.oid) END,
    'partition_bound', CASE WHEN r.relispartition
                            THEN pg_get_expr(r.relpartbound, r.oid) END,
    'definition', CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END,
    'comment', obj_description(r.oid, 'pg_class')
)) ORDER BY r.nspname COLLATE "C", r.relname COLLATE "C"), '[]')::text
FROM relation r
LEFT JOIN column_part c USING (oid)
LEFT JOIN index_part i USING (oid)
LEFT JOIN constraint_part o USING (oid)
LEFT JOIN trigger_part t USING (oid)
LEFT JOIN policy_part p USING (oid)
LEFT JOIN parent_part h USING (oid)
LEFT JOIN pg_am m ON m.oid = r.relam
LEFT JOIN pg_tablespace s ON s.oid = r.reltablespace
