"""Run a program on a server of its own, as an owner who is no superuser.

Every database has an extension and an event trigger of the superuser's.
Usage: python -m tests.as_owner PROGRAM ARGUMENT...
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from config.embedded import DEFAULT_MAJOR
from tests.fix_shop import OF_ANOTHER
from tests.server import OwnServer

OWNER = "owner"


def main(arguments: list[str]) -> int:
    server = OwnServer.make(major=int(os.environ.get("PG", DEFAULT_MAJOR)))
    try:
        with server.connect(dbname="template1") as connection:
            connection.execute(OF_ANOTHER)
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB".encode())
        with server.connect() as connection:
            change = f"ALTER DATABASE {server.dbname} OWNER TO {OWNER}"
            connection.execute(change.encode())
        environ = replace(server, user=OWNER).environ(AS_OWNER="1")
        return subprocess.run(arguments, env=environ, check=False).returncode
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
