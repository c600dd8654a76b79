"""A restored database under a name of the operator's choice, beside the live one."""

from __future__ import annotations

from psycopg import sql

from migrationops.backups.derived import Derived
from migrationops.backups.manifest import Manifest
from migrationops.backups.source import Source
from migrationops.exceptions import RefusedError
from migrationops.postgres import properties

_NAME_BYTES = 63


def check_name(source: Source, name: str) -> None:
    """Raise RefusedError when a database cannot be given this name."""
    if not 0 < len(name.encode()) <= _NAME_BYTES or "\0" in name:
        raise RefusedError(
            f"{name!r} cannot be a database's name: that has 1 to {_NAME_BYTES} "
            "bytes. Nothing was changed.",
            remedy="Choose another name for --into.",
        )
    with source.maintenance() as connection:
        query = "SELECT FROM pg_database WHERE datname = %s"
        if connection.execute(query, [name]).fetchone() is not None:
            raise RefusedError(
                f"There is a database {name!r} already; nothing was changed.",
                remedy="Choose another name for --into.",
            )


def give_name(source: Source, built: Derived, name: str, manifest: Manifest) -> None:
    """Name a built database as the operator wants it, with the backup's settings."""
    with source.maintenance() as connection:
        properties.apply_properties(connection, built.name, manifest.properties)
        connection.execute("BEGIN")
        query = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(query.format(built.identifier, sql.Identifier(name)))
        properties.set_comment(connection, name, manifest.properties.comment)
        connection.execute("COMMIT")
