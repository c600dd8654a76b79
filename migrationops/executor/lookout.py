"""Looks whom a statement would wait for, before it queues and others behind it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

import psycopg

from migrationops.executor.session import Session
from migrationops.postgres import activity
from migrationops.postgres.activity import Other
from migrationops.postgres.named_tables import named_tables
from migrationops.postgres.statements import StatementClass
from migrationops.postgres.table_locks import Lock
from migrationops.progress import Progress, Stage, State

_INTERVAL = 0.05  # seconds between two looks


def look_ahead(
    session: Session, statement: StatementClass, text: str, *, until: float
) -> None:
    """Name who is in the way; before a statement that may block others, wait for them.

    Whoever has been at it for long will outlast the lock timeout, and clients would
    queue behind us for nothing. `until` (time.monotonic()) ends the waiting: then the
    lock timeout decides, as it does at once where we hold a lock ourselves. Without
    the connection to look by, nobody is named.
    """
    if statement is StatementClass.BLOCKING:
        wait_for_others(session, named_tables(text), text, until=until)
    elif statement is StatementClass.CONCURRENT:
        with contextlib.suppress(psycopg.Error):
            found = activity.open_transactions(
                session.watch, older_than=_long(session), ours=session.pids
            )
            _tell(session, text, found, "it will wait for")


def wait_for_others(
    session: Session, tables: Mapping[str, Lock], text: str, *, until: float
) -> None:
    """Wait until nobody has used the tables for long in a way that conflicts."""
    with contextlib.suppress(psycopg.Error):
        _wait(session, tables, text, until)


def _wait(
    session: Session, tables: Mapping[str, Lock], text: str, until: float
) -> None:
    told: set[tuple[int, str]] = set()
    while tables and (found := _lasting(session, tables)):
        fresh = [other for other in found if (other.pid, other.gid) not in told]
        _tell(session, text, fresh, "not queued yet, since it would wait for")
        told |= {(other.pid, other.gid) for other in fresh}
        if time.monotonic() > until or _holds_lock(session):
            return
        time.sleep(_INTERVAL)


def _holds_lock(session: Session) -> bool:
    return any(activity.holds_lock(session.watch, pid) for pid in session.pids)


def _lasting(session: Session, tables: Mapping[str, Lock]) -> list[Other]:
    """Return who has been at it for long, and will not give way to who queues."""
    found = activity.blockers_of(session.watch, tables, ours=session.pids)
    return [
        other
        for other in found
        if (other.seconds or 0.0) > _long(session) and not other.gives_way
    ]


def _long(session: Session) -> float:
    return session.policy.lock_timeout / 4


def _tell(
    session: Session, text: str, found: list[Other] | tuple[Other, ...], why: str
) -> None:
    """Tell of them, and end those that the rule names."""
    label = text.strip().splitlines()[0]
    for other in found:
        ended = session.end(other)
        _say(session, f"{label}: {ended or f'{why} {other}'}")


def _say(session: Session, label: str) -> None:
    session.report(Progress(stage=Stage.APPLY, state=State.ADVANCED, label=label))
