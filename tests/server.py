"""Throw-away PostgreSQL clusters for tests that stop, fill or reconfigure one."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psycopg

from config.embedded import DEFAULT_MAJOR, account, processes, programs
from config.embedded.cluster import DATABASE, USER, Cluster
from config.embedded.place import PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

DEBIAN = Path("/usr/lib/postgresql")
OWNER = "owner"  # the file that names the process a server belongs to
FAST = {"fsync": "off", "full_page_writes": "off"}


def installed(major: int) -> Path | None:
    """Return Debian's bin directory of a version that the wheel has not."""
    directory = DEBIAN / str(major) / "bin"
    absent = major in programs.INSTALLATIONS or not (directory / "initdb").exists()
    return None if absent else directory


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServer:
    """A private cluster, with a database `dbname` owned by the superuser `user`."""

    cluster: Cluster
    dbname: str = DATABASE
    user: str = USER
    port: int = PORT

    @classmethod
    def make(
        cls,
        *,
        major: int = DEFAULT_MAJOR,
        port: int = PORT,
        settings: Mapping[str, str] | None = None,
    ) -> OwnServer:
        """Make a cluster in a directory of its own and start it."""
        # Not pytest's tmp_path: the server's account cannot enter that of root.
        home = Path(tempfile.mkdtemp(prefix="own-"))
        home.chmod(0o711)
        (home / OWNER).write_text(str(os.getpid()))
        own = {**FAST, "port": str(port), **(settings or {})}
        server = cls(cluster=_cluster(home, major, own), port=port)
        server.cluster.make()
        server.start()
        return server

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.cluster.programs.major

    @property
    def home(self) -> Path:
        """Everything of this server, its log included."""
        return self.cluster.home

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.cluster.data

    @property
    def log(self) -> str:
        """What the server wrote since it was last started."""
        return self.cluster.log.read_text()

    @property
    def programs(self) -> Path:
        """The bin directory, client programs included."""
        return self.cluster.programs.directory

    @property
    def params(self) -> dict[str, Any]:
        """What psycopg.connect needs."""
        return {
            "host": str(self.cluster.socket),
            "port": self.port,
            "user": self.user,
            "dbname": self.dbname,
        }

    @property
    def url(self) -> str:
        """The database as django-environ reads it."""
        query = urlencode({"host": self.cluster.socket, "port": self.port})
        return f"postgres://{self.user}@/{self.dbname}?{query}"

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        return postmaster(self.data)

    def environ(self, **variables: str) -> dict[str, str]:
        """Return an environment in which manage.py uses this server."""
        return {**os.environ, "DATABASE_URL": self.url, **variables}

    def connect(self, **params: Any) -> psycopg.Connection[Any]:
        """Connect, in autocommit unless told otherwise."""
        return psycopg.connect(**{"autocommit": True, **self.params, **params})

    def start(self) -> None:
        """Start it, after a crash too."""
        self.cluster.start()

    def stop(self) -> None:
        """Stop it; sessions are ended, nothing is lost."""
        self.cluster.stop()

    def restart(self) -> None:
        """Stop it if it runs, and start it."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Kill the postmaster; busy backends outlive it until the next start."""
        kill(self.cluster)

    def remove(self) -> None:
        """Stop it and remove everything of it."""
        self.stop()
        shutil.rmtree(self.home)


def remove_left_overs() -> None:
    """Stop and remove the servers of test runs that were killed."""
    for note in Path(tempfile.gettempdir()).glob(f"own-*/{OWNER}"):
        if processes.alive(int(note.read_text())):
            continue
        cluster = _cluster(note.parent, DEFAULT_MAJOR, {})
        if cluster.data.exists():
            major = int((cluster.data / "PG_VERSION").read_text())
            _cluster(note.parent, major, {}).stop()
        shutil.rmtree(note.parent)


def _cluster(home: Path, major: int, settings: Mapping[str, str]) -> Cluster:
    return Cluster(
        home=home,
        socket=home / "socket",
        programs=programs.Programs(
            major=major,
            account=account.current(),
            outside=home,
            installed=installed(major),
        ),
        settings=settings,
        durable=False,
    )


def postmaster(data: Path) -> int:
    """Return the pid that a running cluster wrote down."""
    return int((data / "postmaster.pid").read_text().split()[0])


def kill(cluster: Cluster) -> None:
    """Kill a cluster's postmaster and wait until it is dead."""
    pid = postmaster(cluster.data)
    os.kill(pid, signal.SIGKILL)
    while processes.alive(pid):
        time.sleep(0.01)
