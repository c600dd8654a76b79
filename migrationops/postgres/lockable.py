"""The order in which several tables are locked: the same for everybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from psycopg import sql

from migrationops.postgres.databases import Connection
from migrationops.postgres.introspection import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockable:
    """A table; `allowed`: this role may run LOCK TABLE on it."""

    schema: str
    table: str
    allowed: bool

    @property
    def name(self) -> str:
        """The name as the rehearsal and lint know it: qualified, not quoted."""
        return f"{self.schema}.{self.table}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)


def in_order(connection: Connection, names: Iterable[str]) -> tuple[Lockable, ...]:
    """Return those that are tables, not views or sequences: parents first.

    A parent is what a foreign key refers to, and what a partition is part of.
    """
    found = connection.execute(query("lockable"), {"names": list(names)}).fetchall()
    tables = {
        oid: Lockable(schema=schema, table=table, allowed=allowed)
        for oid, schema, table, allowed, _ in found
    }
    by_name = {table.name: table for table in tables.values()}
    parents = {
        tables[oid].name: {tables[p].name for p in of if p in tables}
        for oid, *_, of in found
    }
    return tuple(by_name[name] for name in parents_first(parents))


def parents_first(parents: Mapping[str, Set[str]]) -> list[str]:
    """Sort the names: parents before children, ties and circles by name."""
    left, order = set(parents), []
    while left:
        free = {name for name in left if not parents[name] & left - {name}}
        order.append(min(free or left))
        left.remove(order[-1])
    return order
