"""Fixtures: a primary, a standby that streams from it, and a stranger's project."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.fix_archiving import prefix
from tests.fix_shop import make_shop
from tests.server import OWNER, OwnServer
from tests.shop import Shop

NO_BACKUP = {"backup": "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A primary with the project on it, and its standby."""

    primary: OwnServer
    standby: OwnServer
    shop: Shop

    @property
    def settings(self) -> dict[str, Any]:
        """Return STANDBY; only who started the server knows with which options."""
        control = [*prefix(), f"{self.standby.programs}/pg_ctl", "-D"]
        control += [str(self.standby.data), "-w", "-l", "/dev/null"]
        options = "-c unix_socket_directories=" + self.standby.params["host"]
        options += f" -c listen_addresses= -c port={self.standby.port}"
        return {
            "url": self.standby.url,
            "patience": 20,
            "restart": shlex.join([*control, "-o", options, "restart"]),
        }

    def run(self, *arguments: str, **ops: Any) -> subprocess.CompletedProcess[str]:
        return self.shop.run(*arguments, **{"STANDBY": self.settings, **ops})

    def succeed(self, *arguments: str, **ops: Any) -> str:
        return self.shop.succeed(*arguments, **{"STANDBY": self.settings, **ops})

    def fail(self, code: int, *arguments: str, **ops: Any) -> str:
        """Run a command that must exit with this code; return what it told."""
        done = self.run(*arguments, **ops)
        assert done.returncode == code, done.stdout + done.stderr
        return " ".join(done.stderr.split())

    def take(self, *arguments: str, **ops: Any) -> dict[str, Any]:
        """Pause the standby; return the manifest."""
        command = ["backup", "--engine", "standby", "--json", *arguments]
        taken: dict[str, Any] = json.loads(self.succeed(*command, **ops))["backup"]
        return taken

    def listed(self) -> dict[str, Any]:
        listing: dict[str, Any] = json.loads(self.succeed("backups", "list", "--json"))
        return listing

    def on_standby(self, query: str) -> Any:
        with self.standby.connect() as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def resume(self) -> None:
        self.on_standby("SELECT pg_wal_replay_resume()")

    @property
    def is_paused(self) -> bool:
        return bool(
            self.on_standby("SELECT pg_get_wal_replay_pause_state() = 'paused'")
        )


def follow(primary: OwnServer) -> OwnServer:
    """Return a streaming copy of the server, made by pg_basebackup."""
    home = Path(tempfile.mkdtemp(prefix="own-"))
    home.chmod(0o711)
    (home / OWNER).write_text(str(os.getpid()))
    cluster = replace(primary.cluster, home=home, socket=home / "socket")
    params = primary.params
    subprocess.run(
        [
            primary.programs / "pg_basebackup",
            *("-h", params["host"], "-p", str(params["port"]), "-U", params["user"]),
            *("-D", cluster.data, "-R", "-c", "fast", "-X", "stream"),
        ],
        check=True,
    )
    for path in (cluster.data, *cluster.data.rglob("*")):
        cluster.programs.account.own(path)
    made = replace(primary, cluster=cluster)
    made.start()
    return made


@contextmanager
def made_pair(directory: Path) -> Iterator[Pair]:
    """Make both, with a project at its first migration."""
    with ExitStack() as made:
        primary = OwnServer.make()
        made.callback(primary.remove)
        shop = make_shop(directory, primary.params, primary.dbname, primary.user)
        made.callback(shop.end)
        shop.succeed("safe_migrate", POLICY=NO_BACKUP)
        standby = follow(primary)
        made.callback(standby.remove)
        yield Pair(primary=primary, standby=standby, shop=shop)


@pytest.fixture(scope="module")
def pair_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with made_pair(tmp_path_factory.mktemp("shop")) as made:
        yield made


@pytest.fixture
def pair(pair_of_module: Pair) -> Iterator[Pair]:
    """Return them with the standby following, and without a backup."""
    yield pair_of_module
    pair_of_module.resume()
    for path in (pair_of_module.shop.directory / "backups").glob("*"):
        path.unlink()


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
