"""Who is at work on a server, who stands in our way, and who waits behind us.

A role without pg_read_all_stats sees others' pids, but neither query nor age.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrationops.postgres.databases import Connection
from migrationops.postgres.introspection import query
from migrationops.postgres.table_locks import Lock

_HIDDEN = "<insufficient privilege>"
_URGENT = "(to prevent wraparound)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Seconds that the slowest replica is behind; other sessions at work here.

    A role without pg_read_all_stats sees no lag: 0.
    """

    lag: float
    active: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another session, or a prepared transaction (pid 0, named by its gid).

    `seconds` is how long its transaction has been open or, for a waiter, how long
    it has waited; None when we may not know. `query` is blank when we may not.
    """

    pid: int
    user: str = ""
    application: str = ""
    kind: str = ""  # pg_stat_activity.backend_type, or "prepared transaction"
    state: str = ""
    seconds: float | None = None
    query: str = ""
    gid: str = ""

    def __str__(self) -> str:
        if self.gid:
            return f"prepared transaction {self.gid!r} of {self.user}{self._age()}"
        name = self.application or self.kind or "unnamed"
        state = f", {self.state}" if self.state else ""
        text = f": {self.query}" if self.query else ""
        return f"pid {self.pid} ({self.user} {name}{state}){self._age()}{text}"

    @property
    def gives_way(self) -> bool:
        """An autovacuum ends itself for who queues, unless ids are running out."""
        return self.kind == "autovacuum worker" and _URGENT not in self.query

    def _age(self) -> str:
        return "" if self.seconds is None else f", for {self.seconds:.1f} s"


def load(connection: Connection, besides: Collection[str] = ()) -> Load:
    """Read the server's load; replicas that stand at one of these LSNs do not count."""
    row = connection.execute(query("load"), [list(besides)]).fetchone()
    assert row is not None
    return Load(lag=row[0], active=row[1])


def holds_lock(connection: Connection, pid: int) -> bool:
    """Whether the session `pid` holds a table so that somebody may have to wait."""
    row = connection.execute(query("holds"), {"pid": pid}).fetchone()
    return bool(row and row[0])


def blockers(connection: Connection, pid: int) -> tuple[Other, ...]:
    """Return whom the session `pid` waits for, the oldest first."""
    return _others(connection, "blockers", pid=pid)


def waiters(connection: Connection, pid: int) -> tuple[Other, ...]:
    """Return the clients that wait for the session `pid`, the longest first."""
    return _others(connection, "waiters", pid=pid)


def blockers_of(
    connection: Connection, tables: Mapping[str, Lock], *, ours: Iterable[int] = ()
) -> tuple[Other, ...]:
    """Return who would hold up a statement that so locks these tables, oldest first.

    Whoever holds a lock that conflicts: sessions in a transaction, dumps, prepared
    transactions, an autovacuum. Tables are qualified and quoted; `ours` are pids of
    our own that do not count.
    """
    pairs = [(t, mode.held_as) for t, lock in tables.items() for mode in lock.conflicts]
    return _others(
        connection,
        "blockers_of",
        tables=[table for table, _ in pairs],
        modes=[mode for _, mode in pairs],
        ours=list(ours),
    )


def open_transactions(
    connection: Connection, *, older_than: float, ours: Iterable[int] = ()
) -> tuple[Other, ...]:
    """Return the transactions of this database older than that, the oldest first.

    They hold up every statement that runs CONCURRENTLY, whatever they touch.
    """
    return _others(
        connection, "open_transactions", older_than=older_than, ours=list(ours)
    )


def _others(connection: Connection, name: str, **params: Any) -> tuple[Other, ...]:
    return tuple(_other(*row) for row in connection.execute(query(name), params))


def _other(
    pid: int,
    user: str | None,
    application: str | None,
    kind: str | None,
    state: str | None,
    seconds: float | None,
    text: str | None,
    gid: str | None,
) -> Other:
    return Other(
        pid=pid,
        user=user or "",
        application=application or "",
        kind=kind or "",
        state=state or "",
        seconds=seconds,
        query="" if text in (None, _HIDDEN) else " ".join(str(text).split()),
        gid=gid or "",
    )
