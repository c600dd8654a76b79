"""Fills a shadow database: with a live one's schema and rows, or with a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from migrationops import drift
from migrationops.conf import Conf
from migrationops.exceptions import PreconditionError, ToolFailedError
from migrationops.postgres import databases, introspection, properties, tools
from migrationops.postgres.databases import Connection
from migrationops.postgres.tools import Programs
from migrationops.rehearsal import rows
from migrationops.shadow.database import Shadow

_FAST = "-c synchronous_commit=off"
_EXTENSIONS = """
SELECT e.extname, n.nspname, e.extversion
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
JOIN pg_available_extensions a ON a.name = e.extname
WHERE e.extversion <> a.default_version
"""
_MAPPINGS = "SELECT usename, srvname FROM pg_user_mappings"
_UNFILLED = """
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated
ORDER BY c.oid
"""


def copy_live(
    alias: str, shadow: Shadow, conf: Conf, *, with_data: bool = False
) -> tuple[str, ...]:
    """Give the shadow the live schema, and its rows or else the record of migrations.

    Returns in words how it still differs: what this role cannot make.
    """
    with databases.connect(alias) as live, shadow.connect() as copy:
        programs = programs_for(live, conf)
        _create_extensions(live, copy)
        if with_data:
            rows.require_room(live, copy)
            _dump_and_load(alias, shadow, programs, _rows_options(programs))
        else:
            _dump_and_load(alias, shadow, programs, _schema_options(programs))
            _copy_record(live, copy)
        refused = _copy_settings(live, copy, shadow)
        _drop_user_mappings(copy)
        _fill_views(copy)
        report = drift.compare(introspection.catalog(live), introspection.catalog(copy))
        lost = rows.lost(live, copy) if with_data else ()
    return (*(str(d) for d in report.differences), *refused, *lost)


def load_script(shadow: Shadow, path: Path, conf: Conf) -> None:
    """Run a script of the user's by psql; raise PreconditionError if it fails."""
    with shadow.connect() as connection:
        programs = programs_for(connection, conf)
    try:
        _psql(programs, shadow, "--set=ON_ERROR_STOP=1", f"--file={path}")
    except ToolFailedError as exc:
        raise PreconditionError(
            f"The schema in {path} cannot be loaded, so nothing was rehearsed. {exc}",
            remedy="Correct the file; a schema is made by pg_dump --schema-only.",
        ) from exc


def programs_for(connection: Connection, conf: Conf) -> Programs:
    """Return the client programs of the server's major; raise ToolMissingError."""
    return tools.find_programs(connection.info.server_version // 10000, conf.pg_bin)


# Statistics (since 18) let the planner choose as it does on the live rows.
def _schema_options(programs: Programs) -> list[str]:
    return ["--no-data", "--statistics"] if programs.major >= 18 else ["--schema-only"]


def _rows_options(programs: Programs) -> list[str]:
    return ["--statistics"] if programs.major >= 18 else []


def _dump_and_load(
    alias: str, shadow: Shadow, programs: Programs, what: Sequence[str]
) -> None:
    with tools.stream(
        programs,
        "pg_dump",
        *what,
        "--no-subscriptions",
        "--no-password",
        "--lock-wait-timeout=10000",
        environment=tools.environment(databases.parameters(alias)),
    ) as dump:
        # Not in one transaction, which runs out of locks at 2,000 tables; and what
        # cannot be made is found by comparing.
        _psql(programs, shadow, "--set=ON_ERROR_STOP=0", stdin=dump.stdout)


def _psql(
    programs: Programs, shadow: Shadow, *arguments: str, stdin: IO[bytes] | None = None
) -> None:
    options = f"{shadow.params.get('options') or ''} {_FAST}".strip()
    tools.run(
        programs,
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        *arguments,
        environment=tools.environment({**shadow.params, "options": options}),
        stdin=stdin,
    )


def _create_extensions(live: Connection, copy: Connection) -> None:
    """Create those whose version is not the server's newest; psql takes that one."""
    for name, schema, version in live.execute(_EXTENSIONS):
        try:
            copy.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema))
            )
            copy.execute(
                sql.SQL("CREATE EXTENSION {} SCHEMA {} VERSION {}").format(
                    *map(sql.Identifier, (name, schema)), sql.Literal(version)
                )
            )
        except psycopg.Error:
            continue  # told by the comparison


def _copy_settings(live: Connection, copy: Connection, shadow: Shadow) -> list[str]:
    """Set what the live database is given, also for roles; say what is refused."""
    refused = []
    for setting in properties.read_properties(live).settings:
        try:
            properties.apply_setting(copy, shadow.name, setting)
        except psycopg.Error as exc:
            whose = f" of role {setting.role}" if setting.role else ""
            refused.append(f"setting {setting.name}{whose}: {exc.diag.message_primary}")
    return refused


def _copy_record(live: Connection, copy: Connection) -> None:
    """Copy the rows of django_migrations: the child reads what is applied."""
    if introspection.exists(live, "django_migrations"):
        rows = live.execute(
            "SELECT app, name, applied FROM django_migrations"
        ).fetchall()
        with copy.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO django_migrations (app, name, applied) "
                "VALUES (%s, %s, %s)",
                rows,
            )


def _drop_user_mappings(copy: Connection) -> None:
    """They carry passwords, and a foreign table would reach the real remote."""
    for user, server in copy.execute(_MAPPINGS).fetchall():
        copy.execute(
            sql.SQL("DROP USER MAPPING IF EXISTS FOR {} SERVER {}").format(
                sql.SQL("PUBLIC") if user == "public" else sql.Identifier(user),
                sql.Identifier(server),
            )
        )


def _fill_views(copy: Connection) -> None:
    """Refresh materialised views, oldest first: an unfilled one cannot be read."""
    for schema, name in copy.execute(_UNFILLED).fetchall():
        try:
            copy.execute(
                sql.SQL("REFRESH MATERIALIZED VIEW {}").format(
                    sql.Identifier(schema, name)
                )
            )
        except psycopg.Error:
            continue  # its query fails without rows; so would the live one's
