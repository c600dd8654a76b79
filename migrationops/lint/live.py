"""Read from a server what the simulation needs beside the schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

from migrationops.lint.simulation import expressions, ranges
from migrationops.lint.simulation.facts import Facts, Function, Functions
from migrationops.lint.simulation.ranges import Histogram
from migrationops.lint.simulation.world import World
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection


def read_facts(connection: Connection) -> Facts:
    """Return the server's version, zone, casts, operator classes and functions."""
    path = resources.files("migrationops.lint") / "facts.sql"
    row = connection.execute(path.read_text(encoding="utf-8"), ()).fetchone()
    assert row is not None
    return facts_of(json.loads(row[0]))


def read_world(connection: Connection) -> World:
    """Return the database's schema and sizes, and its server's facts.

    Where no table has a row the data was left out (pg_dump --schema-only): nothing
    is known of sizes then, rather than that everything is empty.
    """
    rows = {n: s.rows for n, s in introspection.sizes(connection).items()}
    world = World.of(
        introspection.catalog(connection),
        facts=read_facts(connection),
        rows=rows if any(rows.values()) else {},
    )
    world.spread = _spread(connection)
    return world


_HISTOGRAMS = """
SELECT DISTINCT n.nspname || '.' || c.relname, a.attname, s.histogram_bounds::text
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
JOIN pg_stats s ON (s.schemaname, s.tablename, s.attname)
  = (n.nspname, c.relname, a.attname) AND NOT s.inherited
WHERE s.histogram_bounds IS NOT NULL AND s.most_common_vals IS NULL
  AND abs(s.correlation) > 0.9 AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype,
                     'numeric'::regtype)
"""


def _spread(connection: Connection) -> dict[tuple[str, str], Histogram]:
    """Return how the numbers of indexed columns lie, where the rows follow them."""
    found = {}
    for table, column, text in connection.execute(_HISTOGRAMS):
        if bounds := ranges.histogram(text.strip("{}").split(",")):
            found[table, column] = bounds
    return found


def facts_of(data: dict[str, Any]) -> Facts:
    """Return Facts from what facts.sql answers."""
    return Facts(
        version=data["version"],
        number=data["number"],
        timezone=data["timezone"],
        functions=_functions(data["functions"]),
        coercible=_pairs(data["coercible"]),
        castable=_pairs(data["castable"]),
        strings=frozenset(data["strings"]),
        assignable=_pairs(data["assignable"]),
        implicit=_pairs(data["implicit"]),
        opclasses={(method, type_): name for method, type_, name in data["opclasses"]},
        types=frozenset(data["types"]),
        live=True,
    )


def _pairs(rows: Iterable[list[str]]) -> frozenset[tuple[str, str]]:
    return frozenset((source, target) for source, target in rows)


def _functions(rows: Iterable[list[Any]]) -> Functions:
    found: dict[str, tuple[Function, ...]] = {}
    for schema, name, arguments, volatility, language, body in rows:
        function = Function(
            schema=schema,
            name=name,
            arguments=arguments,
            volatility=volatility,
            inline=expressions.inlined_body(language, body) if body else None,
        )
        found[name] = (*found.get(name, ()), function)
    return found
