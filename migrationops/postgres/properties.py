"""What belongs to a database by its name, so that no dump of it carries it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from migrationops.postgres.databases import Connection

# to_jsonb: the columns of pg_database differ between versions.
_DATABASE = """
SELECT to_jsonb(d), pg_get_userbyid(datdba), pg_encoding_to_char(encoding),
       shobj_description(d.oid, 'pg_database'), datacl IS NULL, spcname
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
WHERE datname = current_database()
"""
_SETTINGS = """
SELECT coalesce(r.rolname, ''), split_part(c, '=', 1),
       substr(c, strpos(c, '=') + 1)
FROM pg_db_role_setting s
CROSS JOIN unnest(s.setconfig) WITH ORDINALITY AS u(c, n)
LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (s.setrole = 0 OR r.oid IS NOT NULL)
ORDER BY 1, n
"""
_GRANTS = """
SELECT coalesce(r.rolname, ''), a.privilege_type, a.is_grantable
FROM pg_database d CROSS JOIN aclexplode(d.datacl) a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE datname = current_database() AND (a.grantee = 0 OR r.oid IS NOT NULL)
ORDER BY 1, 2
"""
# Their stored values are lists of quoted names (guc.h, GUC_LIST_QUOTE).
_LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """ALTER DATABASE SET, or ALTER ROLE IN DATABASE SET where a role is named."""

    role: str
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    grantee: str  # empty: PUBLIC
    privilege: str
    grantable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """A database's owner, locale, limits, settings, grants and comment."""

    owner: str
    encoding: str
    collate: str
    ctype: str
    provider: str  # c libc, i icu, b builtin (pg_database.datlocprovider)
    locale: str  # of icu and builtin
    tablespace: str
    connection_limit: int
    comment: str
    settings: tuple[Setting, ...]
    grants: tuple[Grant, ...] | None  # None: the defaults


def parse_properties(data: Mapping[str, Any]) -> Properties:
    """Return the value that was written as JSON."""
    grants = data["grants"]
    lists = {
        "settings": tuple(Setting(**item) for item in data["settings"]),
        "grants": None if grants is None else tuple(Grant(**item) for item in grants),
    }
    return Properties(**{**data, **lists})


def read_properties(connection: Connection) -> Properties:
    """Read the properties of the database that this connection is in."""
    row = connection.execute(_DATABASE).fetchone()
    assert row is not None
    database, owner, encoding, comment, default_grants, tablespace = row
    return Properties(
        owner=owner,
        encoding=encoding,
        collate=database["datcollate"],
        ctype=database["datctype"],
        provider=database.get("datlocprovider", "c"),
        locale=database.get("datlocale") or database.get("daticulocale") or "",
        tablespace=tablespace,
        connection_limit=database["datconnlimit"],
        comment=comment or "",
        settings=_read_settings(connection),
        grants=None if default_grants else _read_grants(connection),
    )


def apply_properties(
    connection: Connection, dbname: str, properties: Properties
) -> None:
    """Give another database these limits, settings and grants.

    Owner and locale it was made with; a comment may still say what it is for.
    """
    database = sql.Identifier(dbname)
    for statement in (
        _limit(database, properties),
        *(_set(database, setting) for setting in properties.settings),
        *_grants(database, properties),
    ):
        connection.execute(statement)


def apply_setting(connection: Connection, dbname: str, setting: Setting) -> None:
    """Give another database one setting."""
    connection.execute(_set(sql.Identifier(dbname), setting))


def create_database(
    connection: Connection, dbname: str, properties: Properties, *, owner: bool = True
) -> None:
    """Create an empty database with this encoding and locale.

    Without `owner` it belongs to who connects, in the default tablespace: another
    server need not have the same ones.
    """
    parts = [
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
            sql.Identifier(dbname), sql.Literal(properties.encoding)
        ),
        *(_belonging(properties) if owner else ()),
        *(
            sql.SQL("{} {}").format(sql.SQL(word), sql.Literal(value))
            for word, value in _locale(properties)
        ),
    ]
    connection.execute(sql.SQL(" ").join(parts))


def _belonging(properties: Properties) -> Iterator[sql.Composed]:
    yield sql.SQL("OWNER {}").format(sql.Identifier(properties.owner))
    if (
        properties.tablespace != "pg_default"
    ):  # to name that one needs a right of its own
        yield sql.SQL("TABLESPACE {}").format(sql.Identifier(properties.tablespace))


def _locale(properties: Properties) -> Iterator[tuple[Any, str]]:
    yield "LC_COLLATE", properties.collate
    yield "LC_CTYPE", properties.ctype
    if properties.provider == "i":
        yield "LOCALE_PROVIDER", "icu"
        yield "ICU_LOCALE", properties.locale
    elif properties.provider == "b":
        yield "LOCALE_PROVIDER", "builtin"
        yield "BUILTIN_LOCALE", properties.locale


def _read_settings(connection: Connection) -> tuple[Setting, ...]:
    rows = connection.execute(_SETTINGS).fetchall()
    return tuple(Setting(role=r, name=n, value=v) for r, n, v in rows)


def _read_grants(connection: Connection) -> tuple[Grant, ...]:
    rows = connection.execute(_GRANTS).fetchall()
    return tuple(Grant(grantee=g, privilege=p, grantable=o) for g, p, o in rows)


def set_comment(connection: Connection, dbname: str, comment: str) -> None:
    """Set or, when it is empty, remove a database's comment."""
    query = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(
        query.format(sql.Identifier(dbname), sql.Literal(comment or None))
    )


def _limit(database: sql.Identifier, properties: Properties) -> sql.Composed:
    limit = sql.Literal(properties.connection_limit)
    return sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(database, limit)


def _set(database: sql.Identifier, setting: Setting) -> sql.Composed:
    whose = sql.SQL("ALTER DATABASE {}").format(database)
    if setting.role:
        role = sql.Identifier(setting.role)
        whose = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(role, database)
    name = sql.Identifier(*setting.name.split("."))
    values = sql.SQL(", ").join(_values(setting))
    return sql.SQL("{} SET {} TO {}").format(whose, name, values)


def _values(setting: Setting) -> list[sql.Literal]:
    if setting.name not in _LISTS:
        return [sql.Literal(setting.value)]
    reader = csv.reader([setting.value], skipinitialspace=True)
    return [sql.Literal(item.strip()) for item in next(reader, [""])]


def _grants(database: sql.Identifier, properties: Properties) -> Iterator[sql.Composed]:
    if properties.grants is None:
        query = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO PUBLIC")
        yield query.format(database)
        return
    owner = sql.Identifier(properties.owner)
    yield sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(database, owner)
    for grant in properties.grants:
        yield sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            sql.SQL(_PRIVILEGES[grant.privilege]),
            database,
            sql.Identifier(grant.grantee) if grant.grantee else sql.SQL("PUBLIC"),
            sql.SQL(" WITH GRANT OPTION" if grant.grantable else ""),
        )


_PRIVILEGES: dict[str, Any] = {
    name: name for name in ("CREATE", "CONNECT", "TEMPORARY")
}
