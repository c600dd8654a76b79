"""The environment mark in the database, and the guard that reads it."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from psycopg import errors

from migrationops.conf import Conf
from migrationops.environments import Environment
from migrationops.exceptions import StampError
from migrationops.postgres import databases
from migrationops.postgres.databases import Connection

# A table of an extension, of Django's recorder or of ours says nothing about whether
# the database is in use.
_USER_TABLES = """
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname !~ '^pg_(toast|temp)'
      AND c.relname <> 'django_migrations'
      AND c.relname !~ '^migrationops_'
      AND NOT EXISTS (
          SELECT FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass
            AND d.objid = c.oid AND d.deptype = 'e'
      )
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a database says of itself: its stamp, and whether it holds tables."""

    database: str
    environment: Environment | None
    maintenance_db: str
    has_tables: bool

    @property
    def is_new(self) -> bool:
        """Whether it may be stamped without asking."""
        return self.environment is None and not self.has_tables


def read(connection: Connection) -> Standing:
    """Read the stamp of the database that this connection is in."""
    try:
        row = connection.execute(
            "SELECT environment, maintenance_db FROM migrationops_stamp"
        ).fetchone()
    except errors.UndefinedTable:
        row = None
    except errors.InsufficientPrivilege as exc:
        raise StampError(
            f"Role {connection.info.user!r} may not read the stamp of database "
            f"{connection.info.dbname!r}; nothing was changed.",
            remedy="Connect as the owner of its tables, by DATABASE_URL or "
            "OPERATOR_URL.",
        ) from exc
    has_tables = connection.execute(_USER_TABLES).fetchone()
    return Standing(
        database=connection.info.dbname,
        environment=Environment(row[0]) if row else None,
        maintenance_db=row[1] if row else "",
        has_tables=bool(has_tables and has_tables[0]),
    )


def require_environment(alias: str, conf: Conf) -> Standing:
    """Return the database's standing; raise StampError unless it fits the settings."""
    with databases.connect(alias) as connection:
        standing = read(connection)
    check(standing, conf)
    return standing


def check(standing: Standing, conf: Conf) -> None:
    """Raise StampError when stamp and settings disagree."""
    if standing.is_new:
        return
    if standing.environment is None:
        raise StampError(
            f"Database {standing.database!r} holds tables but no environment stamp; "
            "nothing was changed.",
            remedy="If it really is the "
            f"{conf.environment} database: manage.py stamp_environment "
            f"--env {conf.environment}",
        )
    if standing.environment is not conf.environment:
        raise StampError(
            f"Database {standing.database!r} is stamped {standing.environment}, "
            f"the settings say {conf.environment}; nothing was changed.",
            remedy="Use the settings of that environment, or the right DATABASE_URL.",
        )
    if standing.maintenance_db != conf.maintenance_db:
        raise StampError(
            f"Runners of {standing.database!r} meet in the database "
            f"{standing.maintenance_db!r}; the settings say {conf.maintenance_db!r}; "
            "nothing was changed.",
            remedy="Set MIGRATIONOPS['MAINTENANCE_DB'] back; two runners with "
            "different ones would not see each other.",
        )


def write(connection: Connection, conf: Conf) -> None:
    """Stamp the database; a second stamp replaces the first."""
    connection.execute(
        "INSERT INTO migrationops_stamp "
        "(id, environment, maintenance_db, stamped_by, stamped_at) "
        "VALUES (1, %s, %s, %s, now()) ON CONFLICT (id) DO UPDATE SET "
        "environment = excluded.environment, maintenance_db = excluded.maintenance_db, "
        "stamped_by = excluded.stamped_by, stamped_at = excluded.stamped_at",
        [conf.environment.value, conf.maintenance_db, operator()],
    )


def operator() -> str:
    """Return who runs this, as text."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
