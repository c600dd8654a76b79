"""A private server, a small disk, and a database for each cell of the matrix."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier, Literal

from config.embedded import DEFAULT_MAJOR
from tests.faults.matrix.deploy import (
    GATE_FUNCTION,
    Content,
    content,
    step_labels,
    write_deploy,
)
from tests.server import OwnServer
from tests.shop import FIRST, Shop

TEMPLATE = "template_shop"
ROWS = "INSERT INTO shop_item (name) SELECT 'n' || g FROM generate_series(1, 200) g"
DISK = "64m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The server, what an undisturbed deploy leaves, and what its steps were."""

    server: OwnServer
    undisturbed: Content
    steps: tuple[str, ...]

    @property
    def disk(self) -> Path:
        """A small file system, for a tablespace that can be filled."""
        return self.server.home / "disk"

    def shop(self, directory: Path, *, tablespace: str = "") -> Shop:
        return _shop(self.server, directory, "cell", tablespace=tablespace)


@contextmanager
def prepared(directory: Path) -> Iterator[Ground]:
    """Start the server, make the template, run the deploy undisturbed once."""
    server = OwnServer.make(major=int(os.environ.get("PG", DEFAULT_MAJOR)))
    try:
        first = _shop(server, directory / "first", TEMPLATE, template="template1")
        first.succeed("safe_migrate", POLICY={"backup": "none"})
        first.execute(GATE_FUNCTION)
        first.execute(ROWS)
        whole = _shop(server, directory / "whole", "whole")
        write_deploy(whole)
        whole.succeed("safe_migrate")
        yield Ground(
            server=server, undisturbed=content(whole), steps=tuple(step_labels(whole))
        )
    finally:
        server.remove()


@contextmanager
def small_disk(ground: Ground) -> Iterator[str]:
    """Mount it as a tablespace; return that one's name."""
    with mounted(ground.disk, DISK):
        space = ground.disk / "space"
        space.mkdir(mode=0o700)
        ground.server.cluster.programs.account.own(space)
        with ground.server.connect(dbname="postgres") as connection:
            connection.execute(
                SQL("CREATE TABLESPACE small LOCATION {}").format(Literal(str(space)))
            )
            yield "small"
        # another connection: a cell may have killed the server meanwhile
        with ground.server.connect(dbname="postgres") as connection:
            connection.execute("DROP DATABASE IF EXISTS cell WITH (FORCE)")
            connection.execute("DROP TABLESPACE small")


@contextmanager
def mounted(place: Path, size: str) -> Iterator[None]:
    """Mount a small file system while the block runs; skip where root is needed."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a full disk needs a small one: {done.stderr.strip()}")
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)
        shutil.rmtree(place)


def fill(disk: Path) -> Path:
    """Leave no byte on the disk; return what to remove to make room again."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def _shop(
    server: OwnServer,
    directory: Path,
    name: str,
    *,
    template: str = TEMPLATE,
    tablespace: str = "",
) -> Shop:
    """Make the database anew, with all that an earlier one of the name had left."""
    where = (
        SQL(" TABLESPACE {}").format(Identifier(tablespace)) if tablespace else SQL("")
    )
    with server.connect(dbname="postgres") as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [name]
        )
        for (found,) in rows.fetchall():
            drop = SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(drop.format(Identifier(found)))
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {}{} STRATEGY FILE_COPY").format(
                Identifier(name), Identifier(template), where
            )
        )
    directory.mkdir(parents=True, exist_ok=True)
    url = server.url.replace(f"/{server.dbname}?", f"/{name}?")
    shop = Shop(directory=directory, url=url, params={**server.params, "dbname": name})
    shop.write("0001_expand_item", FIRST)
    return shop
