"""What follows a database by its oid, not its name: standbys' sessions and slots."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from migrationops.backups import obstacles, sessions
from migrationops.backups.derived import Derived
from migrationops.backups.source import Source
from migrationops.exceptions import FailedError, PreconditionError
from migrationops.postgres import databases
from migrationops.postgres.databases import Connection


@contextmanager
def connected(source: Source, aliases: Sequence[str]) -> Iterator[list[Connection]]:
    """Connect to the standbys of these aliases, before anything is swapped.

    At their own hosts: OPERATOR_URL's and DIRECT_URL's is the primary's.
    """
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                databases.connect(a, dbname=source.maintenance_db, own_host=True)
            )
            for a in aliases
        ]


def check(source: Source, aliases: Sequence[str]) -> None:
    """Raise before an hour of building what the swap would stumble over after it.

    ConfigurationError or DatabaseError for what cannot be reached, PreconditionError
    for what is no standby.
    """
    with connected(source, aliases) as standbys:
        for alias, standby in zip(aliases, standbys, strict=True):
            if standby.execute("SELECT pg_is_in_recovery()").fetchone() != (True,):
                raise PreconditionError(
                    f"Alias {alias!r} is no standby; nothing was changed.",
                    remedy="--replica names the alias of a standby's own address.",
                )


def end_sessions(primary: Source, standbys: list[Connection], kept: Derived) -> None:
    """End the standbys' sessions in the old database, once they have replayed.

    They may lag behind for the policy's outage_budget. Raises FailedError when some
    stay.
    """
    with primary.maintenance() as connection:
        row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    foreign: list[str] = []
    for standby in standbys:
        _wait_for_replay(standby, row[0], primary.conf.policy.outage_budget)
        foreign += end_there(standby, kept.name)
    if foreign:
        raise FailedError(
            "The swap was made, but sessions on a standby are not this role's to end "
            f"and still are in the old database: {', '.join(foreign)}.",
            remedy="End them there, as a role that may.",
        )


def end_there(standby: Connection, database: str) -> list[str]:
    """End the sessions in a database; name those that this role may not end."""
    sessions.end_sessions(standby, database)
    return sessions.untouchable_sessions(standby, database)


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
