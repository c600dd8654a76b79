"""A throw-away database: made beside the live one, or on the server of SHADOW_URL.

Its name is of postgres.beside, what it is stands in its COMMENT. Its maker claims it
as long as it lives, so the shadows of dead runs are known, and dropped by the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from migrationops.conf import Conf
from migrationops.exceptions import DatabaseError, PreconditionError
from migrationops.postgres import beside, databases
from migrationops.postgres.databases import Connection
from migrationops.postgres.properties import (
    Properties,
    create_database,
    read_properties,
    set_comment,
)

_MARK = "migrationops_shadow"
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

    Raises PreconditionError when none can be made, and says what would help.
    """
    live = databases.name(alias)
    params = _server(alias, conf)
    with _maintenance(params) as admin:
        with databases.connect(alias) as connection:
            _require_major(connection, admin)
            like = read_properties(connection)
        collect_abandoned(admin, live)
        name = beside.new_name(live, _MARK)
        beside.claim(admin, name)
        try:
            _create(admin, name, live, like)
            yield Shadow(name=name, params={**params, "dbname": name})
        finally:
            # With the server gone the next run collects it.
            with suppress(psycopg.Error):
                beside.drop(admin, name)


def collect_abandoned(admin: Connection, live: str) -> tuple[str, ...]:
    """Drop this database's shadows whose makers are dead; return their names."""
    rows = admin.execute(_NAMES, [beside.prefix(live)]).fetchall()
    found = tuple(
        name
        for name, comment in rows
        if _is_shadow(name, comment, live) and beside.is_unclaimed(admin, name)
    )
    for name in found:
        beside.drop(admin, name)
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


def _require_major(live: Connection, admin: Connection) -> None:
    majors = [c.info.server_version // 10000 for c in (live, admin)]
    if majors[0] != majors[1]:
        raise PreconditionError(
            f"The live server is PostgreSQL {majors[0]}, the one for shadow databases "
            f"{majors[1]}: what is seen there proves nothing. Nothing was changed.",
            remedy='Name a server of the same version in MIGRATIONOPS["SHADOW_URL"].',
        )


def _create(admin: Connection, name: str, live: str, like: Properties) -> None:
    """Create it with the live one's locale, and say what it is."""
    try:
        create_database(admin, name, like, owner=False)
    except errors.InsufficientPrivilege as exc:
        role = admin.info.user
        raise PreconditionError(
            f"Role {role} may not create databases, so there is nothing to rehearse "
            "in. Nothing was changed.",
            remedy=f"ALTER ROLE {role} CREATEDB; or name another server in "
            'MIGRATIONOPS["SHADOW_URL"].',
        ) from exc
    except psycopg.Error as exc:
        raise PreconditionError(
            f"No shadow database can be made: {str(exc).strip()} Nothing was changed.",
            remedy='Mend that, or name another server in MIGRATIONOPS["SHADOW_URL"].',
        ) from exc
    comment = {_MARK: {"database": live}}
    set_comment(admin, name, json.dumps(comment, ensure_ascii=False))


def _is_shadow(name: str, comment: str, live: str) -> bool:
    """Know it by its comment, or by its name if its maker died before that."""
    if comment:
        try:
            return bool(json.loads(comment)[_MARK]["database"] == live)
        except (ValueError, KeyError, TypeError):
            return False
    return beside.is_named(name, live, _MARK)
