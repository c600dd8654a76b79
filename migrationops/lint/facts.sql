-- What the simulation must know of a server beside its schema, as one JSON object.
-- A type of pg_catalog goes by its name alone, any other by schema.name.
WITH type AS MATERIALIZED (
    SELECT t.oid, t.typtype, n.nspname,
           CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END
           || t.typname AS name
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
), named_cast AS MATERIALIZED (
    SELECT s.name AS source, g.name AS target, c.castmethod, c.castcontext
    FROM pg_cast c
    JOIN type s ON s.oid = c.castsource
    JOIN type g ON g.oid = c.casttarget
)
SELECT json_build_object(
    'number', current_setting('server_version_num')::int,
    'version', current_setting('server_version_num')::int / 10000,
    'timezone', current_setting('TimeZone'),
    'coercible', (
        SELECT coalesce(json_agg(json_build_array(source, target)), '[]')
        FROM named_cast WHERE castmethod = 'b'),
    'castable', (
        SELECT coalesce(json_agg(json_build_array(source, target)), '[]')
        FROM named_cast),
    'strings', (
        SELECT json_agg(name) FROM type JOIN pg_type USING (oid)
        WHERE typcategory = 'S'),
    'assignable', (
        SELECT coalesce(json_agg(json_build_array(source, target)), '[]')
        FROM named_cast WHERE castcontext IN ('a', 'i')),
    'implicit', (
        SELECT coalesce(json_agg(json_build_array(source, target)), '[]')
        FROM named_cast WHERE castcontext = 'i'),
    'opclasses', (
        SELECT json_agg(json_build_array(m.amname, t.name, o.opcname))
        FROM pg_opclass o
        JOIN pg_am m ON m.oid = o.opcmethod
        JOIN type t ON t.oid = o.opcintype
        WHERE o.opcdefault),
    'types', (
        SELECT coalesce(json_agg(name), '[]') FROM type
        WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
          AND typtype <> 'c' AND name NOT LIKE '%%.\_%%'),
    'functions', (
        SELECT json_agg(json_build_array(
            n.nspname, p.proname, p.pronargs, p.provolatile, l.lanname,
            CASE WHEN l.lanname = 'sql' AND n.nspname <> 'pg_catalog'
                  AND NOT (p.prosecdef OR p.proretset OR p.proconfig IS NOT NULL)
                  AND NOT (p.proisstrict AND p.pronargs > 0)
                 THEN coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) END))
        FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_language l ON l.oid = p.prolang
        WHERE p.prokind IN ('f', 'w') AND n.nspname <> 'information_schema')
)::text
