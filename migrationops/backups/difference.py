"""What differs, row by row, between the kept database and the restored one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg import sql

from migrationops.backups.contents import Relation, read_relations
from migrationops.postgres.databases import Connection

_SAMPLE = 20  # keys that are named for each table
_COLUMNS = """
SELECT a.attname, coalesce(a.attnum = ANY (i.indkey), false)
FROM pg_attribute a
LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attname
"""
Row = tuple[str, int]  # key, hash of the whole row


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Rows that only the kept database has, only the restored one, or both, unlike.

    `keys` names the first of those that are lost or changed back.
    """

    table: str
    lost: int
    returned: int
    changed: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """The columns that a table has in both databases, and those of its key."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


def differences(kept: Connection, restored: Connection) -> tuple[Difference, ...]:
    """Compare every table, first as a whole, then by primary key where it differs.

    Columns that only one side has are left out. Rows without a key are told apart
    by their content.
    """
    old, new = _relations(kept), _relations(restored)
    found = (
        _compare(kept, restored, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if not name[1].startswith("migrationops_")
    )
    return tuple(d for d in found if d.lost or d.returned or d.changed)


def _relations(connection: Connection) -> dict[tuple[str, str], Relation]:
    relations = read_relations(connection)
    return {(r.schema, r.name): r for r in relations if r.has_rows}


def _compare(
    kept: Connection,
    restored: Connection,
    old: Relation | None,
    new: Relation | None,
) -> Difference:
    relation = old or new
    assert relation is not None
    shape = _shape(kept, restored, old, new)
    if old and new and _digest(kept, old, shape) == _digest(restored, new, shape):
        return _merge(relation, iter(()), iter(()))
    return _merge(
        relation,
        _rows(kept, old, shape) if old else iter(()),
        _rows(restored, new, shape) if new else iter(()),
    )


def _shape(
    kept: Connection,
    restored: Connection,
    old: Relation | None,
    new: Relation | None,
) -> _Shape:
    sides = [
        _columns(connection, relation)
        for connection, relation in ((kept, old), (restored, new))
        if relation
    ]
    shared = tuple(name for name in sides[0] if all(name in s for s in sides))
    key = tuple(name for name in shared if all(s[name] for s in sides))
    return _Shape(columns=shared, key=key)


def _columns(connection: Connection, relation: Relation) -> dict[str, bool]:
    name = relation.identifier.as_string(connection)
    return dict(connection.execute(_COLUMNS, [name]).fetchall())


def _digest(
    connection: Connection, relation: Relation, shape: _Shape
) -> tuple[object, ...]:
    query = sql.SQL("SELECT count(*), sum({}::numeric) FROM ONLY {}").format(
        _hash(shape.columns), relation.identifier
    )
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def _rows(connection: Connection, relation: Relation, shape: _Shape) -> Iterator[Row]:
    """Yield the rows in the order of their key, from a cursor on the server."""
    content = _hash(shape.columns)
    key = _record(shape.key) if shape.key else sql.SQL("{}::text").format(content)
    query = sql.SQL(
        "SELECT key, hash FROM (SELECT {} AS key, {} AS hash FROM ONLY {}) t "
        'ORDER BY key COLLATE "C", hash'
    ).format(key, content, relation.identifier)
    with connection.transaction(), connection.cursor(name="rows") as cursor:
        cursor.itersize = 10_000
        cursor.execute(query)
        yield from cursor


def _hash(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL("hashtextextended({}, 0)").format(_record(columns))


def _record(columns: Iterable[str]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("ROW({})::text").format(names)


def _merge(relation: Relation, old: Iterator[Row], new: Iterator[Row]) -> Difference:
    """Walk two sorted streams side by side."""
    lost = returned = changed = 0
    keys: list[str] = []
    left, right = next(old, None), next(new, None)
    while left or right:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            lost, keys = lost + 1, _sample(keys, left)
            left = next(old, None)
        elif left is None or right[0] < left[0]:
            returned, right = returned + 1, next(new, None)
        else:
            if left[1] != right[1]:
                changed, keys = changed + 1, _sample(keys, left)
            left, right = next(old, None), next(new, None)
    return Difference(
        table=f"{relation.schema}.{relation.name}",
        lost=lost,
        returned=returned,
        changed=changed,
        keys=tuple(keys),
    )


def _sample(keys: list[str], row: Row) -> list[str]:
    return [*keys, row[0]] if len(keys) < _SAMPLE else keys
