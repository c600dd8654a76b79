"""What follows a database by its oid, not its name: standbys' sessions and slots."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from migrationops.backups import obstacles
from migrationops.backups.derived import Derived
from migrationops.backups.source import Source
from migrationops.exceptions import FailedError
from migrationops.postgres import databases
from migrationops.postgres.databases import Connection


@contextmanager
def connected(source: Source, aliases: Sequence[str]) -> Iterator[list[Connection]]:
    """Connect to the standbys of these aliases, before anything is swapped."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(databases.connect(a, dbname=source.maintenance_db))
            for a in aliases
        ]


def end_sessions(primary: Source, standbys: list[Connection], kept: Derived) -> None:
    """End the standbys' sessions in the old database, once they have replayed.

    They may lag behind for the policy's outage_budget.
    """
    with primary.maintenance() as connection:
        row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    for standby in standbys:
        _wait_for_replay(standby, row[0], primary.conf.policy.outage_budget)
        standby.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = %s AND pid <> pg_backend_pid()",
            [kept.name],
        )


def drop_slots(source: Source, kept: Derived) -> tuple[str, ...]:
    """Drop the logical slots that follow the kept database, which keep its WAL."""
    with source.maintenance() as connection:
        slots = obstacles.logical_slots(connection, kept.name)
        for slot in slots:
            connection.execute("SELECT pg_drop_replication_slot(%s)", [slot])
    return tuple(slots)


def _wait_for_replay(standby: Connection, lsn: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
    while standby.execute(query, [lsn]).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise FailedError(
                "The swap was made, but a standby did not replay it within "
                f"{patience:.0f} s: its sessions still are in the old database.",
                remedy="End them there when it has caught up.",
            )
        time.sleep(0.1)
