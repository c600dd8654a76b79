"""Fixture: a real PgBouncer in transaction mode before the TCP server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_tcp import PASSWORD, ROLE
from tests.server import OwnServer

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
auth_type = plain
auth_file = {directory}/users
logfile = {directory}/log
"""


@pytest.fixture(scope="session")
def pooler_port(tcp_server: OwnServer) -> Iterator[int]:
    """Return the port of a PgBouncer whose pool mode is transaction."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    directory = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    settings = SETTINGS.format(server=tcp_server.port, port=port, directory=directory)
    directory.joinpath("settings.ini").write_text(settings)
    directory.joinpath("users").write_text(f'"{ROLE}" "{PASSWORD}"\n')
    process = subprocess.Popen(
        [PROGRAM, "-q", str(directory / "settings.ini")], **_account(directory)
    )
    try:
        _wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(directory)


def _account(directory: Path) -> dict[str, int]:
    """PgBouncer refuses to run as root."""
    if os.geteuid():
        return {}
    nobody = 65534
    for path in (directory, *directory.iterdir()):
        os.chown(path, nobody, nobody)
    return {"user": nobody, "group": nobody}


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "pgbouncer does not listen"
            time.sleep(0.05)
        else:
            return
