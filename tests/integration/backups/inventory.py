"""What a database holds by the catalog's own account, and not by pg_dump's."""

from __future__ import annotations

from typing import Any

import psycopg

Rows = list[tuple[Any, ...]]

# Each says "of a table of ours" or leaves it; a restored object has another oid.
_THEIRS = "n.nspname !~ '^(pg_|information_schema)' AND c.relname !~ '^migrationops_'"
_TABLES = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
KINDS = {
    "domains": "SELECT format_type(oid, NULL), format_type(typbasetype, NULL), "
    "(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k "
    "WHERE contypid = t.oid AND contype = 'c') FROM pg_type t "
    "WHERE typtype = 'd' AND typnamespace = 'public'::regnamespace",
    "enums": "SELECT enumtypid::regtype::text, enumlabel FROM pg_enum "
    "ORDER BY 1, enumsortorder",
    "ranges": "SELECT rngtypid::regtype::text, rngsubtype::regtype::text, "
    "rngsubdiff::text, rngmultitypid::regtype::text FROM pg_range",
    "composites": "SELECT c.relname, attname, format_type(atttypid, atttypmod) "
    f"FROM pg_attribute JOIN {_TABLES} ON c.oid = attrelid "
    f"WHERE c.relkind = 'c' AND {_THEIRS}",
    "columns": "SELECT c.oid::regclass::text, attname, "
    "format_type(atttypid, atttypmod), attnotnull, attidentity, "
    "pg_get_expr(adbin, adrelid), attstorage, attstattarget, "
    "(SELECT collname FROM pg_collation WHERE oid = attcollation) "
    f"FROM pg_attribute JOIN {_TABLES} ON c.oid = attrelid "
    "LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) "
    f"WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'm', 'v') "
    f"AND {_THEIRS}",
    "identity": "SELECT attrelid::regclass::text, attname, attidentity "
    "FROM pg_attribute WHERE attidentity <> '' "
    "AND attrelid::regclass::text !~ 'migrationops_'",
    "generated": "SELECT attrelid::regclass::text, attname, attgenerated "
    "FROM pg_attribute WHERE attgenerated <> ''",
    "relations": "SELECT c.oid::regclass::text, relkind, relpersistence, "
    "relispopulated, relrowsecurity, relforcerowsecurity, reloptions, relacl::text, "
    "pg_get_userbyid(relowner), pg_get_expr(relpartbound, c.oid), "
    "CASE WHEN relkind = 'p' THEN pg_get_partkeydef(c.oid) END, "
    "CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END "
    f"FROM {_TABLES} WHERE relkind <> 't' AND {_THEIRS}",
    "inheritance": "SELECT inhrelid::regclass::text, inhparent::regclass::text "
    "FROM pg_inherits",
    "partitions of partitions": "SELECT c.oid::regclass::text FROM pg_class c "
    "WHERE relispartition AND relkind = 'p'",
    "materialised views": "SELECT c.oid::regclass::text, relispopulated "
    "FROM pg_class c WHERE relkind = 'm'",
    "sequences": "SELECT schemaname, sequencename, start_value, max_value, "
    "increment_by, cycle, last_value FROM pg_sequences "
    "WHERE sequencename !~ '^(migrationops_|django_migrations)'",
    "constraints": "SELECT conrelid::regclass::text, conname, contype, convalidated, "
    "condeferrable, condeferred, pg_get_constraintdef(k.oid) FROM pg_constraint k "
    f"JOIN {_TABLES} ON c.oid = conrelid WHERE {_THEIRS}",
    "not valid": "SELECT conname FROM pg_constraint WHERE NOT convalidated",
    "exclusion": "SELECT conname FROM pg_constraint WHERE contype = 'x'",
    "indexes": "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), "
    "indisvalid, indisreplident, indisclustered FROM pg_index "
    f"JOIN {_TABLES} ON c.oid = indrelid WHERE {_THEIRS}",
    "extended statistics": "SELECT stxname, pg_get_statisticsobjdef(oid), "
    "stxkind::text FROM pg_statistic_ext",
    "collations": "SELECT collname, collprovider, collisdeterministic, collcollate "
    "FROM pg_collation WHERE collnamespace = 'public'::regnamespace",
    "functions": "SELECT p.oid::regprocedure::text, prokind, proacl::text, "
    "CASE WHEN prokind <> 'a' THEN pg_get_functiondef(p.oid) END FROM pg_proc p "
    "WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT tgrelid::regclass::text, tgname, tgenabled, "
    "pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "disabled triggers": "SELECT tgname FROM pg_trigger WHERE tgenabled = 'D'",
    "event triggers": "SELECT evtname, evtevent, evtenabled, evtfoid::regproc::text "
    "FROM pg_event_trigger",
    "rules": "SELECT tablename, rulename, definition FROM pg_rules "
    "WHERE schemaname = 'public'",
    "policies": "SELECT * FROM pg_policies",
    "forced row security": "SELECT relname FROM pg_class WHERE relforcerowsecurity",
    "publications": "SELECT pubname, puballtables, pubinsert, pubupdate, pubviaroot, "
    "(SELECT array_agg((schemaname, tablename, attnames, rowfilter)::text "
    "ORDER BY schemaname, tablename) FROM pg_publication_tables t "
    "WHERE t.pubname = p.pubname) FROM pg_publication p",
    "default privileges": "SELECT defaclrole::regrole::text, "
    "defaclnamespace::regnamespace::text, defaclobjtype, defaclacl::text "
    "FROM pg_default_acl",
    "comments": "SELECT pg_describe_object(classoid, objoid, objsubid), description "
    "FROM pg_description WHERE objoid >= 16384",
    "large objects": "SELECT oid::bigint, pg_get_userbyid(lomowner), lomacl::text, "
    "md5(lo_get(oid)) FROM pg_largeobject_metadata",
    "names beyond ASCII": "SELECT nspname, relname "
    f"FROM {_TABLES} WHERE (nspname || relname) ~ '[^[:ascii:]]'",
}
# Internal: no column of a person's table is of these.
_INTERNAL = ["gtsvector", "pg_dependencies", "pg_mcv_list", "pg_ndistinct"]
_INTERNAL += ["pg_node_tree", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary"]
_UNUSED = """
SELECT typname FROM pg_type t
WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
AND typcategory <> 'A' AND typname <> ALL (%s) AND NOT EXISTS (
    SELECT FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE atttypid = t.oid AND attnum > 0
    AND relkind = 'r' AND relnamespace = 'public'::regnamespace)
"""


def inventory(connection: psycopg.Connection[Any]) -> dict[str, Rows]:
    """Return every object of every kind, each as the catalog describes it."""
    return {
        kind: sorted(connection.execute(query.encode()).fetchall(), key=repr)
        for kind, query in KINDS.items()
    }


def unused_types(connection: psycopg.Connection[Any]) -> list[str]:
    """Name the server's types of which no table has a column."""
    return [name for (name,) in connection.execute(_UNUSED, [_INTERNAL])]
