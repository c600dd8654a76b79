"""Fixtures: a server that archives its WAL into a repository of pgBackRest."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.embedded import account
from tests.fix_shop import make_shop
from tests.server import OwnServer, installed
from tests.shop import Shop

MAJOR = 15  # the newest that Debian's pgBackRest knows
needs_pgbackrest = pytest.mark.skipif(
    shutil.which("pgbackrest") is None or installed(MAJOR) is None,
    reason="pgbackrest and postgresql-15 are not installed",
)
CONFIGURATION = """\
[global]
repo1-path={home}/repository
repo1-retention-full=2
repo1-bundle=y
compress-type=none
lock-path={home}/lock
log-path={home}/log
log-level-file=off
start-fast=y
[main]
pg1-path={data}
pg1-socket-path={socket}
pg1-user={user}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiving:
    """A server, its repository, and a stranger's project on it."""

    home: Path
    server: OwnServer
    shop: Shop

    @property
    def repository(self) -> Path:
        return self.home / "repository"

    @property
    def scratch(self) -> Path:
        return self.home / "scratch"

    @property
    def stanza(self) -> dict[str, Any]:
        """Return PGBACKREST; only who started the server knows with which options."""
        control = [*prefix(), f"{self.server.programs}/pg_ctl", "-D"]
        control += [str(self.server.data), "-w", "-l", "/dev/null"]
        socket = {"unix_socket_directories": self.server.params["host"]}
        settings = {"listen_addresses": "", **socket, **_settings(self.home)}
        options = shlex.join(f"-c{key}={value}" for key, value in settings.items())
        return {
            "stanza": "main",
            "config": str(self.home / "pgbackrest.conf"),
            "prefix": prefix(),
            "scratch_dir": str(self.scratch),
            "stop": shlex.join([*control, "-m", "fast", "stop"]),
            "start": shlex.join([*control, "-o", options, "start"]),
        }

    def pgbackrest(self, *arguments: str) -> str:
        config = f"--config={self.home}/pgbackrest.conf"
        command = [*prefix(), "pgbackrest", config, "--stanza=main", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout

    def run(self, *arguments: str, **ops: Any) -> subprocess.CompletedProcess[str]:
        return self.shop.run(*arguments, **{"PGBACKREST": self.stanza, **ops})

    def succeed(self, *arguments: str, **ops: Any) -> str:
        return self.shop.succeed(*arguments, **{"PGBACKREST": self.stanza, **ops})

    def fail(self, code: int, *arguments: str, **ops: Any) -> str:
        """Run a command that must exit with this code; return what it told."""
        done = self.run(*arguments, **ops)
        assert done.returncode == code, done.stdout + done.stderr
        return " ".join(done.stderr.split())

    def take(self, *arguments: str, **ops: Any) -> dict[str, Any]:
        """Take a restore point; return its manifest."""
        command = ["backup", "--engine", "pgbackrest", "--json", *arguments]
        taken: dict[str, Any] = json.loads(self.succeed(*command, **ops))["backup"]
        return taken

    def listed(self) -> dict[str, Any]:
        listing: dict[str, Any] = json.loads(self.succeed("backups", "list", "--json"))
        return listing

    def archived(self, pattern: str) -> list[Path]:
        return sorted(self.repository.glob(f"archive/main/*/*/{pattern}"))


def prefix() -> list[str]:
    """Return what makes a program run as the server's account."""
    server = account.current()
    return ["runuser", "-u", server.name, "--"] if server.switch else []


def stop_by_hand(server: OwnServer) -> None:
    """Stop what a text had started by pg_ctl, of which OwnServer knows nothing."""
    control = [*prefix(), f"{server.programs}/pg_ctl", "-D", str(server.data)]
    subprocess.run(
        [*control, "-m", "fast", "-w", "stop"], capture_output=True, check=False
    )


def _settings(home: Path) -> dict[str, str]:
    push = f"pgbackrest --config={home}/pgbackrest.conf --stanza=main archive-push %p"
    return {"archive_mode": "on", "archive_command": push}


def _make(directory: Path, home: Path, major: int) -> Archiving:
    """Start the server; there is no stanza yet."""
    home.chmod(0o755)
    server = OwnServer.make(major=major, settings=_settings(home))
    socket = server.params["host"]
    text = CONFIGURATION.format(
        home=home, data=server.data, socket=socket, user=server.user
    )
    (home / "pgbackrest.conf").write_text(text)
    for name in ("repository", "lock", "log", "scratch"):
        (home / name).mkdir()
        account.current().own(home / name)
    shop = make_shop(directory, server.params, server.dbname, server.user)
    return Archiving(home=home, server=server, shop=shop)


@pytest.fixture(scope="module")
def make_archiving(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[int], Archiving]]:
    """Return a function that makes one without a stanza, of this major."""
    with ExitStack() as made:

        def make(major: int) -> Archiving:
            home = Path(tempfile.mkdtemp(prefix="pgbackrest-"))
            made.callback(shutil.rmtree, home)
            archiving = _make(tmp_path_factory.mktemp("shop"), home, major)
            made.callback(archiving.server.remove)
            made.callback(stop_by_hand, archiving.server)
            made.callback(archiving.shop.end)
            return archiving

        yield make


@pytest.fixture(scope="module")
def archiving(make_archiving: Callable[[int], Archiving]) -> Archiving:
    """Return one with a stanza, whose project is at its first migration."""
    made = make_archiving(MAJOR)
    made.pgbackrest("stanza-create")
    made.succeed("safe_migrate", POLICY={"backup": "none"})
    return made
