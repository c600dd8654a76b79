"""The server that a backup comes from or goes back to, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from django.db import connections
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from migrationops.conf import Conf
from migrationops.exceptions import ToolMissingError
from migrationops.postgres import databases, tools
from migrationops.postgres.databases import Connection
from migrationops.postgres.tools import Programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An alias's database and server, with client programs that fit it.

    Its connections are its own: Django's is left alone, and not opened again where a
    database has to be free of sessions.
    """

    alias: str
    conf: Conf
    database: str
    maintenance_db: str
    params: Mapping[str, Any] = field(repr=False)  # libpq's
    role: str  # that owns what is made; empty: who connects
    server_version: str
    programs: Programs
    is_proof_server: bool = False

    @property
    def major(self) -> int:
        return self.programs.major

    def connect(self, dbname: str | None = None) -> Connection:
        """Open a connection to this database, or to another beside it."""
        params = {**self.params, "dbname": dbname or self.database}
        try:
            connection = psycopg.connect(
                **{**params, "application_name": "migrationops"}, autocommit=True
            )
        except psycopg.OperationalError as exc:
            raise databases.unreachable(self.alias, exc) from exc
        if self.role:
            role = sql.Identifier(self.role)
            connection.execute(sql.SQL("SET ROLE {}").format(role))
        return connection

    def maintenance(self) -> Connection:
        """Open a connection to the database from which others are managed.

        It may stay idle for as long as a restore takes.
        """
        connection = self.connect(self.maintenance_db)
        connection.execute("SET idle_session_timeout = 0")
        return connection

    def environment(self, dbname: str | None = None) -> dict[str, str]:
        """Return the environment of a client program that connects there."""
        params = {**self.params, "dbname": dbname or self.database}
        return tools.environment({**params, "application_name": "migrationops"})

    def server_program(self, name: str) -> str:
        """Return where a program of this major's server is; empty: not on this host."""
        debian = Path(f"/usr/lib/postgresql/{self.major}/bin")
        for directory in (self.programs.directory, debian):
            if (directory / name).exists():
                return str(directory / name)
        return ""

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
        maintenance_db=conf.maintenance_db,
        params=databases.parameters(alias),
        role=connections[alias].settings_dict["OPTIONS"].get("assume_role") or "",
        server_version=version.split()[0],
        programs=tools.find_programs(major, conf.pg_bin),
    )


def proof_source(source: Source) -> Source:
    """Return where backups are proven by restoring: PROOF_URL, else the same server.

    Raises DatabaseError, or ToolMissingError when it is of another major.
    """
    if not source.conf.proof_url:
        return source
    params: dict[str, Any] = conninfo_to_dict(source.conf.proof_url)
    place = replace(
        source,
        alias="PROOF_URL",
        maintenance_db=params.get("dbname", source.maintenance_db),
        params=params,
        role="",
        is_proof_server=True,
    )
    with place.maintenance() as connection:
        major = connection.info.server_version // 10000
    if major != source.major:
        raise ToolMissingError(
            f"The server of PROOF_URL is PostgreSQL {major}, the database's is "
            f"{source.major}: a proof there would prove nothing. Nothing was changed.",
            remedy="Give PROOF_URL a server of the same major.",
        )
    return place
