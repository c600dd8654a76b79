-- Everything but tables that has a name and a definition, as one JSON array of
-- migrationops.schema.Object. Members of extensions belong to their extension;
-- an identity column's sequence belongs to its column.
WITH member AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), space AS MATERIALIZED (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), object (kind, classid, oid, schema, name, definition) AS (
    SELECT 'schema', 'pg_namespace'::regclass, s.oid, '', s.nspname, '' FROM space s
    UNION ALL
    SELECT 'extension', 'pg_extension'::regclass, e.oid, '', e.extname,
           e.extversion || ' IN ' || quote_ident(n.nspname)
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'
                          ELSE 'function' END,
           'pg_proc'::regclass, p.oid, s.nspname,
           p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
           CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
                ELSE concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
                               a.aggtranstype::regtype, a.agginitval) END
    FROM pg_proc p
    JOIN space s ON s.oid = p.pronamespace
    LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
    UNION ALL
    SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain'
                          WHEN 'r' THEN 'range' ELSE 'composite' END,
           'pg_type'::regclass, t.oid, s.nspname, t.typname,
           CASE t.typtype
           WHEN 'e' THEN (
               SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
               FROM pg_enum e WHERE e.enumtypid = t.oid)
           WHEN 'd' THEN concat_ws(' ',
               format_type(t.typbasetype, t.typtypmod),
               'DEFAULT ' || t.typdefault,
               CASE WHEN t.typnotnull THEN 'NOT NULL' END,
               CASE WHEN t.typcollation <> b.typcollation
                    THEN 'COLLATE ' || t.typcollation::regcollation END,
               (SELECT string_agg(
                    'CONSTRAINT ' || quote_ident(o.conname) || ' '
                    || pg_get_constraintdef(o.oid), ' ' ORDER BY o.conname COLLATE "C")
                FROM pg_constraint o
                WHERE o.contypid = t.oid AND o.contype <> 'n'))
           WHEN 'r' THEN format_type(g.rngsubtype, NULL)
           ELSE (
               SELECT string_agg(quote_ident(a.attname) || ' '
                                 || format_type(a.atttypid, a.atttypmod),
                                 ', ' ORDER BY a.attnum)
               FROM pg_attribute a
               WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
           END
    FROM pg_type t
    JOIN space s ON s.oid = t.typnamespace
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    LEFT JOIN pg_range g ON g.rngtypid = t.oid
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')
    UNION ALL
    SELECT 'sequence', 'pg_class'::regclass, c.oid, s.nspname, c.relname,
           concat_ws(' ',
               CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED' END,
               format_type(q.seqtypid, NULL), 'START', q.seqstart,
               'INCREMENT', q.seqincrement, 'MINVALUE', q.seqmin,
               'MAXVALUE', q.seqmax, 'CACHE', q.seqcache,
               CASE WHEN q.seqcycle THEN 'CYCLE' END,
               'OWNED BY ' || d.refobjid::regclass || '.' || quote_ident(a.attname))
    FROM pg_class c
    JOIN space s ON s.oid = c.relnamespace
    JOIN pg_sequence q ON q.seqrelid = c.oid
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE c.relpersistence <> 't' AND coalesce(d.deptype, 'a') <> 'i'
      AND c.relname !~ '^(migrationops_|django_migrations_id_seq$)'
    UNION ALL
    SELECT 'statistics', 'pg_statistic_ext'::regclass, x.oid, s.nspname, x.stxname,
           pg_get_statisticsobjdef(x.oid)
    FROM pg_statistic_ext x JOIN space s ON s.oid = x.stxnamespace
    UNION ALL
    SELECT 'rule', 'pg_rewrite'::regclass, r.oid, s.nspname,
           c.relname || '.' || r.rulename,
           pg_get_ruledef(r.oid) || CASE WHEN r.ev_enabled = 'O' THEN ''
                                         ELSE ' ENABLED ' || r.ev_enabled::text END
    FROM pg_rewrite r
    JOIN pg_class c ON c.oid = r.ev_class
    JOIN space s ON s.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'collation', 'pg_collation'::regclass, l.oid, s.nspname, l.collname,
           concat_ws(' ', l.collprovider, l.collcollate, l.collctype,
                     coalesce(to_jsonb(l) ->> 'colllocale',
                              to_jsonb(l) ->> 'colliculocale'),
                     CASE WHEN l.collisdeterministic THEN NULL
                          ELSE 'nondeterministic' END)
    FROM pg_collation l JOIN space s ON s.oid = l.collnamespace
    UNION ALL
    SELECT 'operator', 'pg_operator'::regclass, o.oid, s.nspname,
           o.oid::regoperator::text, o.oprcode::text
    FROM pg_operator o JOIN space s ON s.oid = o.oprnamespace
    UNION ALL
    SELECT 'cast', 'pg_cast'::regclass, c.oid, '',
           format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL),
           concat_ws(' ', c.castmethod, c.castcontext, nullif(c.castfunc, 0::regproc)::regprocedure)
    FROM pg_cast c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'event trigger', 'pg_event_trigger'::regclass, e.oid, '', e.evtname,
           concat_ws(' ', e.evtevent, e.evttags, e.evtfoid::regproc, e.evtenabled)
    FROM pg_event_trigger e
    UNION ALL
    SELECT 'publication', 'pg_publication'::regclass, p.oid, '', p.pubname,
           concat_ws(' ', CASE WHEN p.puballtables THEN 'ALL TABLES' END,
               CASE WHEN p.pubinsert THEN 'insert' END,
               CASE WHEN p.pubupdate THEN 'update' END,
               CASE WHEN p.pubdelete THEN 'delete' END,
               CASE WHEN p.pubtruncate THEN 'truncate' END,
               CASE WHEN p.pubviaroot THEN 'via root' END,
               (SELECT 'FOR ' || string_agg(concat_ws(' ', r.prrelid::regclass,
                           'WHERE ' || pg_get_expr(r.prqual, r.prrelid)),
                           ', ' ORDER BY r.prrelid::regclass::text COLLATE "C")
                FROM pg_publication_rel r
                WHERE r.prpubid = p.oid AND NOT p.puballtables),
               (SELECT 'IN ' || string_agg(n.pnnspid::regnamespace::text, ', '
                           ORDER BY n.pnnspid::regnamespace::text COLLATE "C")
                FROM pg_publication_namespace n WHERE n.pnpubid = p.oid))
    FROM pg_publication p
)
SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
    'kind', o.kind,
    'schema', o.schema,
    'name', o.name,
    'definition', coalesce(o.definition, ''),
    'comment', obj_description(o.oid, o.classid::regclass::text::name)
)) ORDER BY o.kind COLLATE "C", o.schema COLLATE "C", o.name COLLATE "C"), '[]')::text
FROM object o
WHERE NOT EXISTS (
    SELECT FROM member m WHERE m.classid = o.classid AND m.objid = o.oid)
