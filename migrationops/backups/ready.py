"""The ready copy: a restored database that nobody has touched, to be swapped in.

Rolling back by it takes a fraction of a second, and costs one more copy on the disk.
"""

from __future__ import annotations

from psycopg import sql

from migrationops.backups import derived
from migrationops.backups.derived import Derived, Role
from migrationops.exceptions import RefusedError
from migrationops.postgres import beside
from migrationops.postgres.databases import Connection

_CLOSE = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
_OPEN = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true")


def close_up(connection: Connection, copy: Derived) -> None:
    """Let nobody in, and drop the ready copies of older backups."""
    connection.execute(_CLOSE.format(copy.identifier))
    for other in derived.find_derived(connection, copy.database):
        if other.role is Role.READY and other.name != copy.name:
            beside.drop(connection, other.name)


def open_up(connection: Connection, database: str, backup: str) -> Derived:
    """Take the ready copy of this backup, as what a restore has built.

    Raises RefusedError when there is none.
    """
    for copy in derived.find_derived(connection, database):
        if copy.role is Role.READY and copy.backup == backup:
            connection.execute(_OPEN.format(copy.identifier))
            built = copy.become(Role.BUILT)
            derived.describe(connection, built)
            return built
    raise RefusedError(
        f"There is no ready copy of {backup}; nothing was changed.",
        remedy="Restore without --from-ready-copy; backup --ready-copy makes one.",
    )
