"""The locks of a statement that commits by itself, seen from beside it.

A concurrent build of an empty table is over before anyone can look. So the one who
looks first stands in its way: an old snapshot and a weak lock on every table, for
which each such statement has to wait while it holds the locks that it works under.
It is let go as soon as it was seen to wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from migrationops.postgres.databases import Connection
from migrationops.postgres.table_locks import Lock, strongest

_INTERVAL = 0.0005  # seconds between two looks
_PATIENCE = 400  # looks before it is let go unseen
_TABLES = """
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema'
"""
# One look: had it been seen to wait by a second one, its locks might be gone.
_LOOK = """
SELECT relation, mode, granted FROM pg_locks
WHERE pid = %s AND (locktype = 'relation' OR NOT granted) AND mode <> 'SIReadLock'
"""


@contextmanager
def sampled_locks(beside: Connection, pid: int) -> Iterator[dict[int, Lock]]:
    """Collect the strongest locks that a session is seen with meanwhile."""
    locks: dict[int, Lock] = {}
    done = threading.Event()
    _stand_in_the_way(beside)
    thread = threading.Thread(
        target=_sample, args=(beside, pid, locks, done), name="lock sampler"
    )
    thread.start()
    try:
        yield locks
    finally:
        done.set()
        thread.join()


def _sample(
    beside: Connection, pid: int, locks: dict[int, Lock], done: threading.Event
) -> None:
    looks = 0
    try:
        while not done.wait(_INTERVAL):
            found = beside.execute(_LOOK, [pid]).fetchall()
            seen = [(oid, Lock.of(mode)) for oid, mode, _ in found if oid]
            locks.update(strongest((*locks.items(), *seen)))
            looks += 1
            if looks == _PATIENCE or not all(granted for *_, granted in found):
                beside.execute("COMMIT")
    finally:
        beside.execute("COMMIT")  # or the statement would wait for ever


def _stand_in_the_way(beside: Connection) -> None:
    beside.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    names = [sql.Identifier(*row) for row in beside.execute(_TABLES)]
    try:
        if names:
            beside.execute(
                sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE NOWAIT").format(
                    sql.SQL(", ").join(names)
                )
            )
    except psycopg.Error:
        # Too many tables for the lock table: look without standing in the way.
        beside.execute("ROLLBACK")
