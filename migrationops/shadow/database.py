"""A throw-away database: made beside the live one, or on the server of SHADOW_URL.

Its name is the first 40 bytes of the live one's, `_` and 8 hex digits; what it is
stands in its COMMENT. While its maker lives it holds an advisory lock in the
maintenance database, so the shadows of dead runs are known, and dropped by the next.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from migrationops.conf import Conf
from migrationops.exceptions import DatabaseError, PreconditionError
from migrationops.postgres import databases, locks
from migrationops.postgres.databases import Connection

_NAME_BYTES = 40  # of 63, so that the suffix is never cut off
_MARK = "migrationops_shadow"
_LIKE = """
SELECT pg_encoding_to_char(encoding), datcollate, datctype, to_jsonb(d)::text
FROM pg_database d WHERE datname = %s
"""
_NAMES = """
SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '')
FROM pg_database WHERE starts_with(datname, %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A database that is dropped when its maker leaves."""

    name: str
    params: dict[str, Any] = field(repr=False)  # libpq's, to this database

    def connect(self) -> Connection:
        """Open an autocommit connection; the caller closes it."""
        return psycopg.connect(**self.params, autocommit=True)


@contextmanager
def shadow_database(alias: str, conf: Conf) -> Iterator[Shadow]:
    """Make an empty database like the alias's; drop it in the end.

    Raises PreconditionError when this role may make none.
    """
    live = databases.name(alias)
    params = _server(alias, conf)
    with _maintenance(params) as admin:
        collect_abandoned(admin, live)
        shadow = Shadow(name=_new_name(live), params={**params})
        shadow.params["dbname"] = shadow.name
        locks.take(admin, locks.key(shadow.name), wait=0)
        try:
            _create(admin, shadow.name, live, _like(alias, live))
            yield shadow
        finally:
            # With the server gone the next run collects it.
            with suppress(psycopg.Error):
                _drop(admin, shadow.name)


def collect_abandoned(admin: Connection, live: str) -> tuple[str, ...]:
    """Drop this database's shadows whose makers are dead; return their names."""
    rows = admin.execute(_NAMES, [_prefix(live)]).fetchall()
    found = tuple(
        name
        for name, comment in rows
        if _is_shadow(name, comment, live) and _is_abandoned(admin, name)
    )
    for name in found:
        _drop(admin, name)
    return found


def _server(alias: str, conf: Conf) -> dict[str, Any]:
    """Return the parameters of the maintenance database where shadows are made."""
    if conf.shadow_url:
        given = conninfo_to_dict(conf.shadow_url)
        return {"connect_timeout": 10, **given, "dbname": conf.maintenance_db}
    return databases.parameters(alias, dbname=conf.maintenance_db)


@contextmanager
def _maintenance(params: dict[str, Any]) -> Iterator[Connection]:
    try:
        connection = psycopg.connect(**params, autocommit=True)
    except psycopg.OperationalError as exc:
        raise DatabaseError(
            f"The server for shadow databases cannot be reached: {str(exc).strip()}",
            remedy='Check MIGRATIONOPS["SHADOW_URL"] and MAINTENANCE_DB.',
        ) from exc
    with connection:
        connection.execute(
            "SELECT set_config('idle_session_timeout', '0', false), "
            "set_config('application_name', 'migrationops shadow', false)"
        )
        yield connection


def _like(alias: str, live: str) -> sql.Composed:
    """Return the clauses that give another database the live one's locale."""
    with databases.connect(alias) as connection:
        row = connection.execute(_LIKE, [live]).fetchone()
    assert row is not None
    encoding, collate, ctype, raw = row
    facts = json.loads(raw)
    pairs = [("ENCODING", encoding), ("LC_COLLATE", collate), ("LC_CTYPE", ctype)]
    locale = facts.get("datlocale") or facts.get("daticulocale")
    for word, value in _PROVIDERS.get(facts.get("datlocprovider"), ()):
        pairs.append((word, value or locale))
    clauses = [sql.SQL("{} {}").format(_WORDS[w], sql.Literal(v)) for w, v in pairs]
    return sql.SQL(" ").join(clauses)


# pg_database.datlocprovider; None stands for the database's locale.
_PROVIDERS = {
    "i": (("LOCALE_PROVIDER", "icu"), ("ICU_LOCALE", None)),
    "b": (("LOCALE_PROVIDER", "builtin"), ("BUILTIN_LOCALE", None)),
}
_WORDS = {
    word: sql.SQL(word)
    for word in (
        "ENCODING",
        "LC_COLLATE",
        "LC_CTYPE",
        "LOCALE_PROVIDER",
        "ICU_LOCALE",
        "BUILTIN_LOCALE",
    )
}


def _create(admin: Connection, name: str, live: str, like: sql.Composed) -> None:
    database = sql.Identifier(name)
    try:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(database, like)
        )
    except errors.InsufficientPrivilege as exc:
        role = admin.info.user
        raise PreconditionError(
            f"Role {role} may not create databases, so there is nothing to rehearse "
            "in. Nothing was changed.",
            remedy=f"ALTER ROLE {role} CREATEDB; or name another server in "
            'MIGRATIONOPS["SHADOW_URL"].',
        ) from exc
    comment = json.dumps({_MARK: {"database": live}}, ensure_ascii=False)
    admin.execute(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(comment))
    )


def _drop(admin: Connection, name: str) -> None:
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    admin.execute(query.format(sql.Identifier(name)))


def _new_name(live: str) -> str:
    token = secrets.token_hex(2)
    return f"{_prefix(live)}{token}{_checksum(live, token)}"


def _prefix(live: str) -> str:
    return live.encode()[:_NAME_BYTES].decode(errors="ignore") + "_"


def _checksum(live: str, token: str) -> str:
    return hashlib.sha256(f"{_MARK}:{live}:{token}".encode()).hexdigest()[:4]


def _is_shadow(name: str, comment: str, live: str) -> bool:
    """Know it by its comment, or by its name if its maker died before that."""
    if comment:
        try:
            return bool(json.loads(comment)[_MARK]["database"] == live)
        except (ValueError, KeyError, TypeError):
            return False
    suffix = name.removeprefix(_prefix(live))
    return len(suffix) == 8 and suffix[4:] == _checksum(live, suffix[:4])


def _is_abandoned(admin: Connection, name: str) -> bool:
    key = locks.key(name)
    row = admin.execute(
        "SELECT pg_try_advisory_lock(%s) AND pg_advisory_unlock(%s)", [key, key]
    ).fetchone()
    return bool(row and row[0])
