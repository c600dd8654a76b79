"""The cluster, restored to a point and started beside the live one, to be looked at.

It listens on a socket only, lets in only this process's account, archives nothing,
follows nobody, and stops at the point: read-only, and on no timeline of its own.
"""

from __future__ import annotations

import os
import pwd
import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from migrationops.backups.cluster import read_every_row
from migrationops.backups.manifest import Manifest
from migrationops.backups.point import RestorePoint
from migrationops.backups.repository import Repository
from migrationops.backups.source import Source
from migrationops.exceptions import (
    BackupError,
    DatabaseError,
    PreconditionError,
    ToolFailedError,
)
from migrationops.postgres.databases import Connection

_PAUSE = 0.1  # seconds between two looks at the recovery
_LINGERING = 30.0  # seconds
_SLOWEST = 1 << 20  # bytes a second: a recovery below this is taken for stuck
_LOCK = "SELECT pg_try_advisory_lock(hashtext('migrationops scratch cluster'))"
_CLOSED = {
    "archive_mode": "off",
    "autovacuum": "off",
    "hot_standby": "on",
    "listen_addresses": "",
    "logging_collector": "off",
    "max_logical_replication_workers": "0",
    "primary_conninfo": "",
    "shared_preload_libraries": "",
    "ssl": "off",
}
# Below the primary's, a hot standby does not start.
_AT_LEAST = """
SELECT name, setting FROM pg_settings WHERE name IN (
    'max_connections', 'max_locks_per_transaction', 'max_prepared_transactions',
    'max_wal_senders', 'max_worker_processes'
)
"""
_SUPERUSER = "SELECT rolname FROM pg_roles WHERE oid = 10"
_STATE = "SELECT pg_get_wal_replay_pause_state(), pg_last_wal_replay_lsn()::text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchCluster:
    """A restored copy below `home`, to which the account of the repository writes.

    `own` is this process's directory, for what the server is to read of us.
    """

    source: Source
    repository: Repository
    home: Path
    own: Path

    def start(self, limit: float) -> None:
        """Start it; raise BackupError when it does not come up."""
        user = self._superuser()
        account = pwd.getpwuid(os.geteuid()).pw_name
        self.own.chmod(0o755)
        (self.own / "postgresql.conf").touch()
        (self.own / "hba").write_text("local all all peer map=proof\n")
        (self.own / "ident").write_text(f'proof "{account}" "{user}"\n')
        options = shlex.join(f"-c{k}={v}" for k, v in self._settings().items())
        wait = ["-w", "-t", str(int(limit)), "-l", str(self.home / "log")]
        try:
            self._control(*wait, "-o", options, "start")
        except ToolFailedError as exc:
            raise self._broken(str(exc)) from exc

    def stop(self) -> None:
        """End it at once: nothing of it is kept."""
        with suppress(ToolFailedError):
            self._control("-m", "immediate", "stop")

    def connect(self) -> Connection:
        """Open a connection to the copy of the source's database."""
        params = {
            "host": str(self.home),
            "port": self.source.params.get("port", 5432),
            "user": self._superuser(),
        }
        return replace(self.source, params=params, role="").connect()

    def wait_for(self, point: RestorePoint, limit: float) -> None:
        """Wait until it has stopped at the point.

        Raises BackupError when it ends instead: the point is not in its WAL.
        """
        deadline = time.monotonic() + limit
        state = ""
        while time.monotonic() < deadline:
            try:
                with self.connect() as connection:
                    state, reached = connection.execute(_STATE).fetchone() or ("", "")
            except (DatabaseError, psycopg.Error) as exc:
                raise self._broken(f"it ended before {point.name}") from exc
            if (state, reached) == ("paused", point.lsn):
                return
            time.sleep(_PAUSE)
        raise self._broken(f"it did not come to {point.name}: {state}")

    def _settings(self) -> dict[str, str]:
        with self.source.connect() as connection:
            at_least: dict[str, str] = dict(connection.execute(_AT_LEAST).fetchall())
        return {
            **_CLOSED,
            **at_least,
            "config_file": str(self.own / "postgresql.conf"),
            "hba_file": str(self.own / "hba"),
            "ident_file": str(self.own / "ident"),
            "port": str(self.source.params.get("port", 5432)),
            "unix_socket_directories": str(self.home),
        }

    def _superuser(self) -> str:
        with self.source.connect() as connection:
            row = connection.execute(_SUPERUSER).fetchone()
        assert row is not None
        return str(row[0])

    def _control(self, *arguments: str) -> None:
        program = self.source.server_program("pg_ctl")
        data = str(self.home / "data")
        self.repository.as_account(program, "-s", "-D", data, *arguments, limit=None)

    def _broken(self, why: str) -> BackupError:
        log = ""
        with suppress(ToolFailedError):
            log = self.repository.as_account("tail", "-n5", str(self.home / "log"))
        return BackupError(
            f"The restored cluster cannot be used: {why}\n{log.strip()}\n"
            "The database was not changed.",
            remedy="Use another backup: manage.py backups list",
        )


def impossible(source: Source, repository: Repository) -> str:
    """Return why the cluster cannot be restored beside, or nothing."""
    if repository.stanza.scratch_dir is None:
        return "restored: PGBACKREST names no scratch_dir"
    if not source.server_program("pg_ctl"):
        return f"restored: no server of version {source.major} is installed here"
    return ""


def read_restored(
    source: Source, repository: Repository, manifest: Manifest, point: RestorePoint
) -> int:
    """Restore to the point, read every row of the database, return how many.

    Raises BackupError when the point is not reached, or another database is found.
    """
    limit = 600 + point.cluster_bytes / _SLOWEST
    with _made(source, repository) as cluster:
        repository.restore(point, cluster.home)
        cluster.start(limit)
        cluster.wait_for(point, limit)
        with cluster.connect() as connection:
            return read_every_row(connection, manifest)


@contextmanager
def _made(source: Source, repository: Repository) -> Iterator[ScratchCluster]:
    """Give it a directory, one at a time; what a killed proof left there goes first."""
    place = repository.stanza.scratch_dir
    assert place is not None
    home = place.absolute() / "migrationops-scratch"
    with (
        source.maintenance() as connection,
        tempfile.TemporaryDirectory(prefix="migrationops-") as own,
    ):
        if connection.execute(_LOCK).fetchone() != (True,):
            raise PreconditionError(
                f"Another proof is at work in {home}.",
                remedy="Wait for it, then run the same command again.",
            )
        cluster = ScratchCluster(
            source=source, repository=repository, home=home, own=Path(own)
        )
        try:
            _remove(cluster)
            repository.as_account("mkdir", "-m", "755", str(home))
            yield cluster
        except ToolFailedError as exc:
            raise BackupError(
                f"The cluster cannot be restored beside: {exc}",
                remedy="See pgBackRest's log, then run the same command again.",
            ) from exc
        finally:
            _remove(cluster)


def _remove(cluster: ScratchCluster) -> None:
    """Remove it; what a killed proof had started may go on writing for a moment."""
    deadline = time.monotonic() + _LINGERING
    while True:
        cluster.stop()
        try:
            cluster.repository.as_account("rm", "-rf", str(cluster.home), limit=None)
        except ToolFailedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return
