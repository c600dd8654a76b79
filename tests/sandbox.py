"""A database of its own beside the test database, reached by an alias of its own.

For tests that dump, restore, rename or drop a whole database.
"""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

from migrationops.conf import Conf, parse
from tests.roles import superuser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALIAS = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A database `name` with alias ALIAS, and a backup directory of its own."""

    name: str
    params: dict[str, Any]
    directory: Path

    @property
    def alias(self) -> str:
        return ALIAS

    @property
    def maintenance_db(self) -> str:
        return "postgres"

    def conf(self, **values: Any) -> Conf:
        """Return the test settings with this directory and these values."""
        return parse(
            {
                **settings.MIGRATIONOPS,
                "BACKUP_DIR": self.directory,
                **{key.upper(): value for key, value in values.items()},
            }
        )

    def connect(self, dbname: str | None = None) -> psycopg.Connection[Any]:
        params = {**self.params, "dbname": dbname or self.name}
        return psycopg.connect(**params, autocommit=True)

    def _prepare(self) -> psycopg.Connection[Any]:
        params = {**superuser(self.params), "dbname": self.maintenance_db}
        return psycopg.connect(**params, autocommit=True)

    def sql(self, query: str, params: Sequence[Any] = (), *, dbname: str = "") -> Any:
        """Execute, and return the first value of the first row, if there is one."""
        with self.connect(dbname or self.name) as connection:
            # Without parameters several statements may stand in one string.
            cursor = connection.execute(query.encode(), params or None)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def names(self) -> set[str]:
        """Return the databases whose name begins as this one's."""
        with self.connect(self.maintenance_db) as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)",
                [self.name[:30]],
            )
            return {row[0] for row in rows}

    def create(self, template: str = "template1") -> None:
        """Make it, this role's own; in it is what template1 holds of others."""
        names = self.name, template, self.params["user"]
        with self._prepare() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                    *map(sql.Identifier, names)
                )
            )

    def drop(self) -> None:
        """Drop it and everything that was derived from it."""
        names = self.names()
        with self._prepare() as connection:
            for name in names:
                connection.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(
                        sql.Identifier(name)
                    )
                )


def new_sandbox(directory: Path) -> Sandbox:
    """Describe a database that does not exist yet, on the test server."""
    wrapper = connections["default"]
    params = {
        key: value
        for key, value in wrapper.get_connection_params().items()
        if key in ("host", "port", "user", "password")
    }
    name = f"box_{os.getpid()}_{uuid.uuid4().hex[:12]}"
    return Sandbox(name=name, params=params, directory=directory)


@contextmanager
def made_sandbox(directory: Path, *, template: str = "template1") -> Iterator[Sandbox]:
    """Make a database with an alias; both are gone afterwards."""
    made = new_sandbox(directory)
    made.create(template)
    register(made)
    try:
        yield made
    finally:
        forget()
        made.drop()


def register(sandbox: Sandbox) -> None:
    """Make Django know the alias."""
    connections.settings[ALIAS] = {
        **connections.settings["default"],
        "NAME": sandbox.name,
    }


def forget() -> None:
    """Close the alias's connection and let Django forget it."""
    connections[ALIAS].close()
    delattr(connections._connections, ALIAS)
    del connections.settings[ALIAS]
