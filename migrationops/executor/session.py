"""The one session that executes a run's statements: Django's own connection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import pq

from migrationops.conf import Policy
from migrationops.executor.termination import Termination
from migrationops.executor.watchdog import Watchdog
from migrationops.postgres import databases, locks, timeouts
from migrationops.postgres.activity import Other
from migrationops.postgres.databases import Connection
from migrationops.postgres.locks import RunnerLock
from migrationops.postgres.pooler import refuse_pooler
from migrationops.postgres.statements import StatementClass
from migrationops.postgres.timeouts import Limits
from migrationops.progress import ProgressCallback


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What executing needs: the alias, the policy, the lock, and who is told.

    `watch` is the connection by which others are watched; `termination` says which of
    them may be ended.
    """

    alias: str
    policy: Policy
    lock: RunnerLock
    watch: Connection
    report: ProgressCallback
    termination: Termination | None = None

    @property
    def wrapper(self) -> DatabaseWrapper:
        return cast("DatabaseWrapper", connections[self.alias])

    @property
    def connection(self) -> Connection:
        """Return psycopg's connection under Django's."""
        self.wrapper.ensure_connection()
        return cast("Connection", self.wrapper.connection)

    @property
    def backend(self) -> dict[str, Any]:
        """Return the server process, so that another run can find it again."""
        row = self.connection.execute(
            "SELECT pid, backend_start FROM pg_stat_activity "
            "WHERE pid = pg_backend_pid()"
        ).fetchone()
        return {"pid": row[0], "backend_start": str(row[1])} if row else {}

    @property
    def pids(self) -> list[int]:
        """Return the server processes that are ours, and no blockers."""
        return [self.connection.info.backend_pid]

    def end(self, other: Other) -> str:
        """End a session that the rule names; return what is to be told of it."""
        return self.termination.end(self.watch, other) if self.termination else ""

    def limits(self, statement: StatementClass) -> Limits:
        return Limits.of(
            statement,
            lock_timeout=self.policy.lock_timeout,
            statement_timeout=self.policy.statement_timeout,
        )

    def watchdog(self, label: str, *, patience: float | None) -> Watchdog:
        """Return a watchdog for what this session is about to execute."""
        return Watchdog(
            self.watch,
            pid=self.connection.info.backend_pid,
            label=label,
            patience=patience,
            report=self.report,
            termination=self.termination,
        )

    def make_ready(self) -> None:
        """Be idle, hold the target's lock, have the session's settings.

        A try that left the connection in a transaction gets a new one.
        """
        status = self.connection.info.transaction_status
        if status is not pq.TransactionStatus.IDLE:
            self.wrapper.close()
        self.lock.check()
        take_target(self.connection, self.lock, wait=self.policy.wait)


def take_target(connection: Connection, lock: RunnerLock, *, wait: float) -> None:
    """Take the target's lock and prepare the session, once for each connection.

    The application's name, which the server reports back, says that it was done.
    """
    if connection.info.parameter_status("application_name") == _name(lock):
        return
    refuse_pooler(connection)
    databases.require_writes(connection)
    locks.take(connection, lock.target_key, wait=wait)
    timeouts.prepare_session(connection)
    connection.execute(
        "SELECT set_config('application_name', %s, false)", [_name(lock)]
    )


@contextlib.contextmanager
def open_session(
    alias: str,
    policy: Policy,
    lock: RunnerLock,
    report: ProgressCallback,
    *,
    termination: Termination | None = None,
) -> Iterator[Session]:
    """Open what a run needs beside its own connection, before anything is applied."""
    with databases.connect(alias, application="migrationops watchdog") as watch:
        yield Session(
            alias=alias,
            policy=policy,
            lock=lock,
            watch=watch,
            report=report,
            termination=termination,
        )


@contextlib.contextmanager
def executing(session: Session) -> Iterator[Session]:
    """Put a connection of the run's own in the alias's place while it executes.

    Direct, whatever pool or pooler the alias uses; afterwards the alias is as it was.
    """
    before = connections[session.alias]
    connections[session.alias] = databases.direct_wrapper(session.alias)
    try:
        session.make_ready()
        yield session
    finally:
        with contextlib.suppress(psycopg.Error):
            session.wrapper.close()
        connections[session.alias] = before


def _name(lock: RunnerLock) -> str:
    return f"migrationops apply {lock.target_key:x}"
