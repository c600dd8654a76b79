"""One runner per database, by two advisory locks.

One is held in the maintenance database for the whole run: a lock in the target
alone dies when the target is swapped. The same key is held in the target by the
connection that executes statements: it lives exactly as long as the statement of
a killed client.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from migrationops.exceptions import DatabaseError, LockedError, NeedsPersonError
from migrationops.postgres import databases
from migrationops.postgres.databases import Connection
from migrationops.postgres.pooler import refuse_pooler
from migrationops.progress import Progress, ProgressCallback, Stage, State, silent

_HOLDER = """
SELECT a.pid, a.application_name, a.backend_start
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = %s
"""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds


def key(name: str) -> int:
    """Return the advisory lock's key for a database's name."""
    digest = hashlib.sha256(f"migrationops:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class RunnerLock:
    """The lock of one run; lost when its connection is."""

    def __init__(self, connection: Connection, key: int, target_key: int) -> None:
        self._connection = connection
        self.key = key
        self.target_key = target_key

    def check(self) -> None:
        """Raise NeedsPersonError when the lock is no longer ours."""
        try:
            held = _holds(self._connection, self.key)
        except psycopg.Error:
            held = False
        if not held:
            raise NeedsPersonError(
                "The runner lock was lost in mid-run; the run stopped before its "
                "next statement.",
                remedy="Run manage.py safe_migrate again: it says where it stands.",
            )


@contextmanager
def runner_lock(
    alias: str,
    *,
    maintenance_db: str,
    wait: float,
    application: str,
    report: ProgressCallback = silent,
) -> Iterator[RunnerLock]:
    """Hold the run's lock, polling for it up to `wait` seconds, and tell for whom.

    Never a blocking wait: that deadlocks with CREATE INDEX CONCURRENTLY.
    Raises LockedError when another runner keeps it.
    """
    name = databases.name(alias)
    with _lock_connection(alias, name, maintenance_db, application) as (
        connection,
        lock_key,
    ):
        refuse_pooler(connection)
        connection.execute("SET idle_session_timeout = 0")
        take(connection, lock_key, wait=wait, report=report)
        yield RunnerLock(connection, lock_key, key(name))


def take(
    connection: Connection,
    lock_key: int,
    *,
    wait: float,
    report: ProgressCallback = silent,
) -> None:
    """Take an advisory lock for this session, or raise LockedError after `wait` s."""
    deadline = time.monotonic() + wait
    pause = _FIRST_PAUSE
    told = False
    while not _try(connection, lock_key):
        if time.monotonic() + pause > deadline:
            raise LockedError(
                f"Another runner is at work: {_holder(connection, lock_key)}. "
                "Nothing was changed.",
                remedy="Run the same command again later, or with a longer --wait.",
            )
        if not told:
            report(_waiting(_holder(connection, lock_key), wait))
            told = True
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


@contextmanager
def _lock_connection(
    alias: str, name: str, maintenance_db: str, application: str
) -> Iterator[tuple[Connection, int]]:
    """Connect where the lock lives.

    Without access to the maintenance database it lives in the target, under another
    key than the one that executing connections hold there.
    """
    try:
        connection = databases.connect(
            alias, dbname=maintenance_db, application=application
        )
        lock_key = key(name)
    except DatabaseError:
        connection = databases.connect(alias, application=application)
        lock_key = key(f"{name}:runner")
    with connection:
        yield connection, lock_key


def _waiting(holder: str, wait: float) -> Progress:
    return Progress(
        stage=Stage.LOCK,
        state=State.ADVANCED,
        label=f"another runner is at work ({holder}); waiting up to {wait:.0f} s",
    )


def _try(connection: Connection, lock_key: int) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [lock_key]).fetchone()
    return bool(row and row[0])


def _holds(connection: Connection, lock_key: int) -> bool:
    return any(
        row[0] == connection.info.backend_pid
        for row in connection.execute(_HOLDER, [lock_key])
    )


def _holder(connection: Connection, lock_key: int) -> str:
    row = connection.execute(_HOLDER, [lock_key]).fetchone()
    if row is None:
        return "it has just finished"
    pid, application, started = row
    return f"pid {pid}, {application or 'unnamed'}, since {started:%H:%M:%S %Z}"
