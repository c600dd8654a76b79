"""What a live database's catalog says, as the values of migrationops.schema.

Tables of migrationops and Django's own record are no part of it: they change while
the schema that people mean does not. Members of extensions belong to those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import cast

from migrationops.postgres.databases import Connection
from migrationops.schema import Catalog

# Definitions are printed relative to these; names come out qualified.
_PRINTING = {
    "search_path": "pg_catalog",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "timezone": "UTC",
    "quote_all_identifiers": "off",
    # JIT would compile for longer than the query runs.
    "jit": "off",
}

_LITERAL = re.compile(r"'(?:[^']|'')*'::[a-z ]+(?:\(\d+\))?")
_CAST_OF_ARRAY = re.compile(
    rf"\(ARRAY\[((?:{_LITERAL.pattern}(?:, )?)+)\]\)::([a-z ]+)\[\]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """Estimated rows, and bytes with indexes and TOAST."""

    rows: int
    bytes: int


def catalog(connection: Connection, *, tables: Iterable[str] | None = None) -> Catalog:
    """Read the schema; with `tables` ("schema.table"), only these and no objects.

    Works inside a transaction too, and leaves the session's settings alone.
    """
    wanted = None if tables is None else list(tables)
    with _printing(connection):
        found = _json(connection, "tables", tables=wanted)
        objects = _json(connection, "objects") if wanted is None else []
    return Catalog.from_json({"tables": found, "objects": objects})


def changed_by(
    connection: Connection, before: Catalog, *, tables: set[str], gone: Iterable[str]
) -> Catalog:
    """Return the catalog now, when only these tables can differ from `before`."""
    with _printing(connection):
        found = Catalog.from_json(
            {
                "tables": _json(connection, "tables", tables=list(tables)),
                "objects": _json(connection, "objects"),
            }
        )
    return before.with_tables(found.tables, gone=gone, objects=found.objects)


def sizes(connection: Connection) -> dict[str, TableSize]:
    """Return each table's size by qualified name; a partitioned table is its parts."""
    rows = connection.execute(query("sizes")).fetchall()
    return {name: TableSize(rows=count, bytes=size) for name, count, size in rows}


def invalid_indexes(connection: Connection) -> tuple[str, ...]:
    """Return the qualified names of indexes that a failed build left behind."""
    return tuple(row[0] for row in connection.execute(query("invalid_indexes")))


def exists(connection: Connection, table: str) -> bool:
    """Tell whether a table of this name is found by the search path."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return bool(row and row[0])


@cache
def query(name: str) -> str:
    """Return the text of sql/<name>.sql."""
    path = resources.files("migrationops.postgres") / "sql" / f"{name}.sql"
    return path.read_text(encoding="utf-8")


def _json(connection: Connection, name: str, **params: object) -> list[object]:
    # Asked for as text: Django's connections do not decode JSON.
    row = connection.execute(query(name), params or None).fetchone()
    assert row is not None
    return cast("list[object]", json.loads(as_if_restored(row[0])))


def as_if_restored(text: str) -> str:
    """Print casts of literal arrays as they are printed after a dump and restore.

    PostgreSQL prints `x IN ('a', 'b')` on a varchar as a cast of the array; reading
    that back moves the cast into the array.
    """
    return _CAST_OF_ARRAY.sub(_casts_in_array, text)


def _casts_in_array(match: re.Match[str]) -> str:
    elements, cast_to = _LITERAL.findall(match[1]), match[2]
    return "ARRAY[" + ", ".join(f"({e})::{cast_to}" for e in elements) + "]"


@contextmanager
def _printing(connection: Connection) -> Iterator[None]:
    """Set what definitions depend on, and set it back, in whatever transaction."""
    with connection.transaction():
        before = connection.execute(
            "SELECT name, current_setting(name), set_config(name, value, true) "
            "FROM unnest(%s::text[], %s::text[]) AS s (name, value)",
            [list(_PRINTING), list(_PRINTING.values())],
        ).fetchall()
        yield
        connection.execute(
            "SELECT set_config(name, value, true) "
            "FROM unnest(%s::text[], %s::text[]) AS s (name, value)",
            [[row[0] for row in before], [row[1] for row in before]],
        )
