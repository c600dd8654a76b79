"""Direct connections to an alias's database and to its neighbours.

Direct: past Django's wrapper, so that a run's own connections have their own
settings, and past a pooler when DIRECT_URL is set.
"""

from __future__ import annotations

from typing import Any, cast

import psycopg
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error as DjangoDatabaseError
from django.utils.connection import ConnectionDoesNotExist
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict

from migrationops.conf import get_conf
from migrationops.exceptions import ConfigurationError, DatabaseError, PreconditionError

Connection = psycopg.Connection[tuple[Any, ...]]

_KEYWORDS = frozenset(o.keyword.decode() for o in pq.Conninfo.get_defaults())
_LOGIN = frozenset({"user", "password"})
_SETTINGS = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
# keepalives: a lock or journal connection must notice a dead server
_LASTING = {"connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5}


def parameters(
    alias: str, *, dbname: str | None = None, own_host: bool = False
) -> dict[str, Any]:
    """Return libpq's parameters for the alias, or for another database beside it.

    OPERATOR_URL or DIRECT_URL stands in its place; with `own_host`, for an alias of
    another server, only the user and the password do. Raises ConfigurationError for
    an unknown alias, DatabaseError when the server cannot be reached.
    """
    wrapper = _wrapper(alias)
    # Starts an embedded server, and lets pytest-django forbid the connection.
    try:
        wrapper.ensure_connection()
    except DjangoDatabaseError as exc:
        raise unreachable(alias, exc) from exc
    params = {
        key: value
        for key, value in wrapper.get_connection_params().items()
        if key in _KEYWORDS
    }
    conf = get_conf()
    if url := conf.operator_url or conf.direct_url:
        given = conninfo_to_dict(url)
        taken = _LOGIN & given.keys() if own_host else given.keys() - {"dbname"}
        params |= {key: given[key] for key in taken}
    return {**_LASTING, **params, **({"dbname": dbname} if dbname else {})}


def connect(
    alias: str,
    *,
    dbname: str | None = None,
    application: str = "migrationops",
    autocommit: bool = True,
    own_host: bool = False,
) -> Connection:
    """Open a connection of our own, by those parameters(); the caller closes it.

    Raises DatabaseError when the server cannot be reached.
    """
    params = parameters(alias, dbname=dbname, own_host=own_host)
    try:
        connection = psycopg.connect(
            **{**params, "application_name": application}, autocommit=autocommit
        )
    except psycopg.OperationalError as exc:
        raise unreachable(alias, exc) from exc
    _assume_role(connection, alias)
    return connection


def direct_wrapper(alias: str) -> BaseDatabaseWrapper:
    """Return a Django connection of a run's own: no pool, no pooler, no age.

    With OPERATOR_URL it acts as the database's owner, so that what it makes belongs
    to whom it should.
    """
    copy = _wrapper(alias).copy()
    settings, conf = copy.settings_dict, get_conf()
    settings["CONN_MAX_AGE"] = None
    settings["OPTIONS"].pop("pool", None)
    if url := conf.operator_url or conf.direct_url:
        options = conninfo_to_dict(url)
        for key, keyword in _SETTINGS.items():
            settings[key] = options.pop(keyword, "")
        options.pop("dbname", None)
        settings["OPTIONS"] |= options
    if conf.operator_url:
        settings["OPTIONS"]["assume_role"] = _owner(alias)
    return cast("BaseDatabaseWrapper", copy)


def require_writes(connection: Connection) -> None:
    """Raise PreconditionError where nothing can be written."""
    row = connection.execute(
        "SELECT current_setting('transaction_read_only'), pg_is_in_recovery()"
    ).fetchone()
    match row:
        case ("on", True):
            reason, remedy = "it is a standby", "Point the alias at the primary."
        case ("on", False):
            reason = "default_transaction_read_only is on"
            remedy = "Reset that setting of the database or the role."
        case _:
            return
    raise PreconditionError(
        f"Database {connection.info.dbname!r} takes no writes: {reason}. "
        "Nothing was changed.",
        remedy=remedy,
    )


def name(alias: str) -> str:
    """Return the name of the alias's database."""
    return str(parameters(alias)["dbname"])


def unreachable(alias: str, exc: Exception) -> DatabaseError:
    """Wrap a connection failure; libpq's messages never hold the password."""
    settings = "DATABASES" if alias in connections else "MIGRATIONOPS"
    return DatabaseError(
        f"The database of alias {alias!r} cannot be reached: {str(exc).strip()}",
        remedy=f"Check {settings}[{alias!r}] and that the server runs; "
        "nothing was changed.",
    )


def _wrapper(alias: str) -> Any:
    try:
        wrapper = connections[alias]
    except ConnectionDoesNotExist as exc:
        raise ConfigurationError(
            f"There is no database alias {alias!r}; "
            f"the settings have {', '.join(connections)}. Nothing was changed.",
            remedy="Name one of them.",
        ) from exc
    if wrapper.vendor != "postgresql":
        raise ConfigurationError(
            f"Alias {alias!r} is {wrapper.vendor}; only PostgreSQL is supported. "
            "Nothing was changed.",
            remedy="Name an alias of PostgreSQL with --database.",
        )
    return cast("Any", wrapper)


def _owner(alias: str) -> str:
    with connect(alias) as connection:
        row = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database "
            "WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return str(row[0])


def _assume_role(connection: Connection, alias: str) -> None:
    role = connections[alias].settings_dict["OPTIONS"].get("assume_role")
    if role:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
