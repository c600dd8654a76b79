"""Databases that are made beside one: built, kept, ready, scratch.

Their names are the first 40 bytes of its name, `_` and 8 hex digits; what they are
stands in full in their COMMENT. Four of the digits are a checksum of the rest, so
that one whose maker was killed before it could comment on it is known as ours.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from psycopg import sql

from migrationops.backups.source import Source
from migrationops.postgres import locks
from migrationops.postgres.databases import Connection

_NAME_BYTES = 40  # of 63, so that the suffix is never cut off
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
        return json.dumps({"migrationops": values}, ensure_ascii=False)

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
    token = secrets.token_hex(2)
    prefix = _prefix(database)
    return f"{prefix}{token}{_checksum(prefix, token)}"


def find_derived(connection: Connection, database: str) -> tuple[Derived, ...]:
    """Return the databases that were derived from this one, oldest first."""
    prefix = _prefix(database)
    rows = connection.execute(_DATABASES, [prefix, database]).fetchall()
    found = [_read(name, comment, database) for name, comment in rows]
    return tuple(sorted((d for d in found if d), key=lambda d: d.at))


def collect_abandoned(connection: Connection, database: str) -> tuple[Derived, ...]:
    """Drop the half-built and the scratch databases of makers that are dead."""
    found = tuple(
        derived
        for derived in find_derived(connection, database)
        if derived.role in (Role.BUILDING, Role.SCRATCH)
        and _is_unclaimed(connection, derived.name)
    )
    for derived in found:
        drop(connection, derived.name)
    return found


@contextmanager
def claimed(source: Source, name: str) -> Iterator[Connection]:
    """Let others see that the maker of this database lives."""
    with source.maintenance() as connection:
        connection.execute("SET idle_session_timeout = 0")
        locks.take(connection, locks.key(name), wait=0)
        yield connection


def drop(connection: Connection, name: str) -> None:
    """Drop a derived database, whoever is connected to it."""
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    connection.execute(query.format(sql.Identifier(name)))


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
    prefix = _prefix(database)
    match = re.fullmatch(r"([0-9a-f]{4})([0-9a-f]{4})", name.removeprefix(prefix))
    if match is None or match[2] != _checksum(prefix, match[1]):
        return None
    epoch = datetime.fromtimestamp(0, UTC)
    return Derived(
        name=name, role=Role.BUILDING, database=database, run="", backup="", at=epoch
    )


def _values(comment: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(comment)["migrationops"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_unclaimed(connection: Connection, name: str) -> bool:
    key = locks.key(name)
    row = connection.execute(
        "SELECT pg_try_advisory_lock(%s) AND pg_advisory_unlock(%s)", [key, key]
    ).fetchone()
    return bool(row and row[0])


def _prefix(database: str) -> str:
    return database.encode()[:_NAME_BYTES].decode(errors="ignore") + "_"


def _checksum(prefix: str, token: str) -> str:
    text = f"migrationops:{prefix}{token}"
    return hashlib.sha256(text.encode()).hexdigest()[:4]
