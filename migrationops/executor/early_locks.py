"""Several tables locked at a transaction's beginning, parents first.

Applications write a parent and then its child. An ALTER of the child followed by one
of the parent meets them half way, and somebody's transaction is lost.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from django.db import transaction
from psycopg import sql

from migrationops.executor.lookout import wait_for_others
from migrationops.executor.session import Session
from migrationops.postgres import lockable, timeouts
from migrationops.postgres.lockable import Lockable
from migrationops.postgres.retry import is_transient
from migrationops.postgres.statements import StatementClass
from migrationops.postgres.table_locks import Lock
from migrationops.postgres.timeouts import Limits
from migrationops.progress import Progress, Stage, State

_FIRST_WAIT = 0.025  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLock:
    """A table that was locked before the first statement, and how: SQL's words."""

    table: str
    mode: str

    def __str__(self) -> str:
        return f"{self.table} ({self.mode})"


@contextmanager
def locked_first(
    session: Session,
    wanted: Mapping[str, Lock],
    detail: dict[str, Any],
    *,
    until: float,
) -> Iterator[bool]:
    """Give a statement on several tables a transaction that locks them first.

    Say whether it is in one.
    """
    if len(wanted) < 2:
        yield False
        return
    with transaction.atomic(using=session.alias):
        take(session, wanted, detail, until=until)
        yield True


def take(
    session: Session,
    wanted: Mapping[str, Lock],
    detail: dict[str, Any],
    *,
    until: float,
) -> tuple[TableLock, ...]:
    """Lock the tables if they are several; return what was locked, in order.

    Inside the transaction that needs them; `detail` is that of a step. None where one
    of them may not be locked by this role: then the statements take their locks as
    they come. Raises 55P03 when they are not free within the lock timeout; then none
    is held.
    """
    tables = lockable.in_order(session.connection, wanted) if len(wanted) > 1 else ()
    if len(tables) < 2 or not all(table.allowed for table in tables):
        return ()
    modes = {table: wanted[table.name] for table in tables}
    named = {table.identifier.as_string(): lock for table, lock in modes.items()}
    wait_for_others(session, named, "LOCK TABLE", until=until)
    _try(session, modes)
    limits = session.limits(StatementClass.BLOCKING)
    timeouts.apply(session.connection, limits, local=True)
    locked = [TableLock(table=t.name, mode=m.title) for t, m in modes.items()]
    detail["locked"] = [asdict(lock) for lock in locked]
    label = f"locked first: {', '.join(map(str, locked))}"
    session.report(Progress(stage=Stage.APPLY, state=State.ADVANCED, label=label))
    return tuple(locked)


def _try(session: Session, modes: Mapping[Lockable, Lock]) -> None:
    """Take all, or none and try again, with waits that grow.

    A long wait for the second keeps the clients of the first waiting; and while a
    client that holds the second waits for the first, it is in vain.
    """
    deadline = time.monotonic() + session.policy.lock_timeout
    longest = _longest_wait(session, len(modes))
    wait = min(_FIRST_WAIT, longest)
    while True:
        try:
            with transaction.atomic(using=session.alias):
                _lock(session, modes, wait)
        except psycopg.Error as exc:
            if not is_transient(exc) or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(random.uniform(0, wait))  # noqa: S311
        wait = min(2 * wait, longest)


def _lock(session: Session, modes: Mapping[Lockable, Lock], wait: float) -> None:
    limits = Limits(lock_timeout=max(1, int(wait * 1000)), statement_timeout=0)
    timeouts.apply(session.connection, limits, local=True)
    for table, lock in modes.items():
        # ONLY: a partition is locked if the migration locks it.
        session.connection.execute(
            sql.SQL("LOCK TABLE ONLY {} IN {} MODE").format(
                table.identifier, sql.SQL(lock.title)
            )
        )


def _longest_wait(session: Session, tables: int) -> float:
    """Return how long one lock may be waited for (s).

    For all of them together less than deadlock_timeout: a client that waits for the
    first while it holds the last would be ended by the server.
    """
    row = session.connection.execute(
        "SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout'"
    ).fetchone()
    assert row is not None
    deadlock_timeout = int(row[0]) / 1000
    return min(session.policy.lock_timeout, deadlock_timeout / tables)
