"""Databases that are made beside another: their names, who claims them, their end.

A name is the first 40 bytes of the other's, `_` and 8 hex digits. Four of the digits
are a checksum of the rest and of a mark, so that one whose maker was killed before it
could write a COMMENT is known as ours. While its maker lives it holds an advisory
lock in the maintenance database.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from psycopg import sql

from migrationops.postgres import locks
from migrationops.postgres.databases import Connection

_NAME_BYTES = 40  # of 63, so that the suffix is never cut off


def prefix(database: str) -> str:
    """Return what the names of all databases beside this one begin with."""
    return database.encode()[:_NAME_BYTES].decode(errors="ignore") + "_"


def new_name(database: str, mark: str) -> str:
    """Choose a name; nothing is made."""
    token = secrets.token_hex(2)
    return f"{prefix(database)}{token}{_checksum(database, mark, token)}"


def is_named(name: str, database: str, mark: str) -> bool:
    """Tell whether new_name() may have chosen it."""
    suffix = name.removeprefix(prefix(database))
    match = re.fullmatch(r"([0-9a-f]{4})([0-9a-f]{4})", suffix)
    return match is not None and match[2] == _checksum(database, mark, match[1])


def claim(connection: Connection, name: str) -> None:
    """Let others see that the maker of this database lives, as long as this does."""
    locks.take(connection, locks.key(name), wait=0)


def is_unclaimed(connection: Connection, name: str) -> bool:
    """Tell whether the database's maker is dead."""
    key = locks.key(name)
    row = connection.execute(
        "SELECT pg_try_advisory_lock(%s) AND pg_advisory_unlock(%s)", [key, key]
    ).fetchone()
    return bool(row and row[0])


def drop(connection: Connection, name: str) -> None:
    """Drop a database of ours, whoever is connected to it."""
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    connection.execute(query.format(sql.Identifier(name)))


def _checksum(database: str, mark: str, token: str) -> str:
    text = f"{mark}:{prefix(database)}{token}"
    return hashlib.sha256(text.encode()).hexdigest()[:4]
