"""Run a program on a server of its own, as an owner who is no superuser.

Every database has an extension and an event trigger of the superuser's.
Usage: AS_OWNER=creator|owner python -m tests.as_owner PROGRAM ARGUMENT...
A creator may create databases, an owner may not: the test database is made for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from psycopg.sql import SQL, Identifier

from config.embedded import DEFAULT_MAJOR
from tests.roles import OF_ANOTHER, RIGHTS
from tests.server import OwnServer

OWNER = "owner"


def main(arguments: list[str]) -> int:
    kind = os.environ["AS_OWNER"]
    server = OwnServer.make(major=int(os.environ.get("PG", DEFAULT_MAJOR)))
    try:
        _prepare(server, RIGHTS[kind])
        environ = replace(server, user=OWNER).environ(
            SUPERUSER=server.user, PYTEST_ADDOPTS="--reuse-db"
        )
        return subprocess.run(arguments, env=environ, check=False).returncode
    finally:
        server.remove()


def _prepare(server: OwnServer, right: str) -> None:
    owner, test = Identifier(OWNER), Identifier(f"test_{server.dbname}")
    with server.connect(dbname="template1") as connection:
        connection.execute(OF_ANOTHER)
        connection.execute(SQL("CREATE ROLE {} LOGIN {}").format(owner, SQL(right)))
    with server.connect() as connection:
        connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(test, owner))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
