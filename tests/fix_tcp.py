"""Fixtures: a server that is reached over TCP and asks for a password."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier, Literal

from config.embedded import DEFAULT_MAJOR
from tests.server import OwnServer
from tests.shop import FIRST, Shop

ROLE = "operator"
PASSWORD = "s3cret-" + secrets.token_hex(8)


@pytest.fixture(scope="session")
def tcp_server() -> Iterator[OwnServer]:
    """Return a private server that listens on 127.0.0.1 and demands SCRAM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = OwnServer.make(
        major=int(os.environ.get("PG", DEFAULT_MAJOR)),
        port=port,
        settings={"listen_addresses": "127.0.0.1"},
    )
    rules = server.data / "pg_hba.conf"
    rules.write_text(
        "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        "host replication all 127.0.0.1/32 scram-sha-256\n"
    )
    with server.connect() as connection:
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(
            SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                Identifier(ROLE), Literal(PASSWORD)
            )
        )
    yield server
    server.remove()


@pytest.fixture
def tcp_shop(tcp_server: OwnServer) -> Iterator[Shop]:
    """Return a stranger's project whose role logs in with a password.

    Every account may enter its directory, unlike pytest's.
    """
    name = f"shop_{secrets.token_hex(4)}"
    directory = Path(tempfile.mkdtemp(prefix="shop-"))
    directory.chmod(0o755)
    with tcp_server.connect() as connection:
        create = SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(create.format(Identifier(name), Identifier(ROLE)))
        shop = Shop(
            directory=directory,
            url=f"postgres://{ROLE}:{PASSWORD}@127.0.0.1:{tcp_server.port}/{name}",
            params={
                "host": "127.0.0.1",
                "port": tcp_server.port,
                "user": ROLE,
                "password": PASSWORD,
                "dbname": name,
            },
        )
        shop.write("0001_expand_item", FIRST)
        yield shop
        shop.end()
        drop = SQL("DROP DATABASE {} WITH (FORCE)")
        connection.execute(drop.format(Identifier(name)))
    shutil.rmtree(directory)
