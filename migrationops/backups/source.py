"""The server that a backup comes from or goes back to, and how to reach it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connections

from migrationops.conf import Conf
from migrationops.postgres import databases, tools
from migrationops.postgres.databases import Connection
from migrationops.postgres.tools import Programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An alias's database and server, with client programs that fit it."""

    alias: str
    conf: Conf
    database: str
    role: str  # that owns what is made; empty: who connects
    server_version: str
    programs: Programs

    @property
    def major(self) -> int:
        return self.programs.major

    def connect(self, dbname: str | None = None) -> Connection:
        """Open a connection to this database, or to another beside it."""
        return databases.connect(self.alias, dbname=dbname or self.database)

    def maintenance(self) -> Connection:
        """Open a connection to the database from which others are managed."""
        return self.connect(self.conf.maintenance_db)

    def environment(self, dbname: str | None = None) -> dict[str, str]:
        """Return the environment of a client program that connects there."""
        params = databases.parameters(self.alias, dbname=dbname or self.database)
        return tools.environment({**params, "application_name": "migrationops"})

    def role_arguments(self) -> list[str]:
        return [f"--role={self.role}"] if self.role else []


def open_source(alias: str, conf: Conf) -> Source:
    """Reach the alias's server and find its client programs.

    Raises DatabaseError or ToolMissingError.
    """
    with databases.connect(alias) as connection:
        version = connection.info.parameter_status("server_version") or ""
        database = connection.info.dbname
        major = connection.info.server_version // 10000
    return Source(
        alias=alias,
        conf=conf,
        database=database,
        role=connections[alias].settings_dict["OPTIONS"].get("assume_role") or "",
        server_version=version.split()[0],
        programs=tools.find_programs(major, conf.pg_bin),
    )
