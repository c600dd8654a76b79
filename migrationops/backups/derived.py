"""Databases that are made beside one: built, kept, ready, scratch.

Their names are those of postgres.beside; what they are stands in full in their
COMMENT.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from psycopg import sql

from migrationops.backups.source import Source
from migrationops.postgres import beside
from migrationops.postgres.databases import Connection

_MARK = "migrationops"
_DATABASES = """
SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '')
FROM pg_database WHERE starts_with(datname, %s) AND datname <> %s
ORDER BY datname
"""


class Role(StrEnum):
    """What a derived database is for."""

    BUILDING = "building"  # a restore is filling it
    BUILT = "built"  # filled and verified, not yet swapped in
    KEPT = "kept"  # what was live before a restore
    COPY = "copy"  # a backup of the engine "template"
    READY = "ready"  # an untouched restored copy, to be swapped in at once
    SCRATCH = "scratch"  # proves a backup or serves a rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A database beside `database`, as its COMMENT describes it."""

    name: str
    role: Role
    database: str
    run: str
    backup: str
    at: datetime

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)

    @property
    def comment(self) -> str:
        values = {**asdict(self), "at": self.at.isoformat()}
        del values["name"]
        return json.dumps({_MARK: values}, ensure_ascii=False)

    def become(self, role: Role) -> Derived:
        return replace(self, role=role)


def describe(connection: Connection, derived: Derived) -> None:
    """Write the COMMENT; transactional, as everything but CREATE DATABASE."""
    query = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(query.format(derived.identifier, sql.Literal(derived.comment)))


def new_derived(database: str, *, role: Role, run: str, backup: str) -> Derived:
    """Choose a name; nothing is made."""
    return Derived(
        name=derived_name(database),
        role=role,
        database=database,
        run=run,
        backup=backup,
        at=datetime.now(UTC),
    )


def derived_name(database: str) -> str:
    return beside.new_name(database, _MARK)


def find_derived(connection: Connection, database: str) -> tuple[Derived, ...]:
    """Return the databases that were derived from this one, oldest first."""
    rows = connection.execute(
        _DATABASES, [beside.prefix(database), database]
    ).fetchall()
    found = [_read(name, comment, database) for name, comment in rows]
    return tuple(sorted((d for d in found if d), key=lambda d: d.at))


def collect_abandoned(connection: Connection, database: str) -> tuple[Derived, ...]:
    """Drop the half-built and the scratch databases of makers that are dead."""
    found = tuple(
        derived
        for derived in find_derived(connection, database)
        if derived.role in (Role.BUILDING, Role.SCRATCH)
        and beside.is_unclaimed(connection, derived.name)
    )
    for derived in found:
        beside.drop(connection, derived.name)
    return found


@contextmanager
def claimed(source: Source, name: str) -> Iterator[Connection]:
    """Let others see that the maker of this database lives."""
    with source.maintenance() as connection:
        beside.claim(connection, name)
        yield connection


def _read(name: str, comment: str, database: str) -> Derived | None:
    if not comment:
        return _unlabelled(name, database)
    values = _values(comment)
    if values is None or values.get("database") != database:
        return None
    return Derived(
        name=name,
        role=Role(values["role"]),
        database=database,
        run=values["run"],
        backup=values["backup"],
        at=datetime.fromisoformat(values["at"]),
    )


def _unlabelled(name: str, database: str) -> Derived | None:
    """Recognise one whose maker died inside CREATE DATABASE: it is empty."""
    if not beside.is_named(name, database, _MARK):
        return None
    epoch = datetime.fromtimestamp(0, UTC)
    return Derived(
        name=name, role=Role.BUILDING, database=database, run="", backup="", at=epoch
    )


def _values(comment: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(comment)[_MARK])
    except (ValueError, KeyError, TypeError):
        return None
