"""A standby's replay: waited for, paused, and let go on.

A pause outlives the session that asked for it, and no restart of the standby.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from migrationops.conf import Conf
from migrationops.exceptions import ConfigurationError, PreconditionError
from migrationops.postgres import databases
from migrationops.postgres.databases import Connection
from migrationops.progress import Progress, ProgressCallback, Stage, State
from migrationops.standby import Standby

_LOOK = 0.1  # seconds
_PAUSING = 10.0  # seconds; between two records, or while it waits for one
_PUBLIC = ("host", "port", "user")
_STATE = """
SELECT pg_get_wal_replay_pause_state(), pg_last_wal_replay_lsn()::text,
       pg_last_xact_replay_timestamp()
WHERE pg_is_in_recovery()
"""
_RESUME = """
SELECT pg_wal_replay_resume()
WHERE pg_is_in_recovery() AND pg_get_wal_replay_pause_state() <> 'not paused'
"""
_BEHIND = "SELECT greatest(pg_wal_lsn_diff(%s::pg_lsn, pg_last_wal_replay_lsn()), 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Where a standby's replay stands; `committed` is its last transaction's time."""

    is_paused: bool
    lsn: str
    committed: datetime | None


def settings(conf: Conf) -> Standby:
    """Return STANDBY; raise ConfigurationError when there is none."""
    if conf.standby is None:
        raise ConfigurationError(
            'The engine standby needs MIGRATIONOPS["STANDBY"]. Nothing was changed.',
            remedy='At least: {"url": "postgres://..."}; see docs/howto/standby.md.',
        )
    return conf.standby


@contextmanager
def connected(conf: Conf, dbname: str = "") -> Iterator[Connection]:
    """Connect to the standby, to its maintenance database or to another."""
    names = {
        "application_name": "migrationops",
        "dbname": dbname or conf.maintenance_db,
    }
    params = {**_parameters(settings(conf)), **names}
    try:
        connection = psycopg.connect(**params, autocommit=True)
    except psycopg.OperationalError as exc:
        raise databases.unreachable("STANDBY", exc) from exc
    with connection:
        for name in ("idle_session_timeout", "statement_timeout"):
            connection.execute("SELECT set_config(%s, '0', false)", [name])
        yield connection


def _parameters(own: Standby) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(own.url))
    except psycopg.Error:
        raise ConfigurationError(  # without libpq's words: the password is among them
            "STANDBY: url is not one that libpq understands. Nothing was changed.",
            remedy="Write it as postgresql://user@host/database.",
        ) from None


def where(connection: Connection) -> str:
    """Return how a person reaches it with psql: no password is in it."""
    info = connection.info.get_parameters()
    return make_conninfo(
        **{k: info[k] for k in _PUBLIC if k in info}, dbname=connection.info.dbname
    )


def resume_command(place: str) -> str:
    return f'psql {shlex.quote(place)} -c "SELECT pg_wal_replay_resume()"'


def read(connection: Connection) -> Replay | None:
    """Return how the replay stands; None where there is none: it is no standby."""
    row = connection.execute(_STATE).fetchone()
    if row is None:
        return None
    return Replay(is_paused=row[0] == "paused", lsn=row[1], committed=row[2])


def resume(connection: Connection) -> None:
    """Let it go on, if it is paused or about to be."""
    connection.execute(_RESUME)


def wait_for(
    connection: Connection, lsn: str, patience: float, report: ProgressCallback
) -> None:
    """Wait until it has replayed up to here; raise PreconditionError if it has not."""
    deadline, total = time.monotonic() + patience, 0
    while behind := _behind(connection, lsn):
        if time.monotonic() > deadline:
            raise PreconditionError(
                f"After {patience:.0f} s the standby still is {behind:,} bytes of WAL "
                "behind. Nothing of yours was changed; its replay is not paused.",
                remedy="See whether it is connected and replays; or raise STANDBY's "
                '"patience".',
            )
        total = max(total, behind)
        report(_told(total - behind, total))
        time.sleep(_LOOK)


@contextmanager
def paused(connection: Connection) -> Iterator[Replay]:
    """Pause it; left by an exception, it goes on."""
    try:
        connection.execute("SELECT pg_wal_replay_pause()")
        yield _await_pause(connection)
    except BaseException:
        resume(connection)
        raise


def _await_pause(connection: Connection) -> Replay:
    deadline = time.monotonic() + _PAUSING
    while time.monotonic() < deadline:
        if (found := read(connection)) and found.is_paused:
            return found
        time.sleep(_LOOK)
    raise PreconditionError(
        f"The standby did not pause its replay within {_PAUSING:.0f} s. Nothing of "
        "yours was changed; the pause was called off.",
        remedy="See what its startup process waits for; then run it again.",
    )


def _behind(connection: Connection, lsn: str) -> int:
    row = connection.execute(_BEHIND, [lsn]).fetchone()
    if row is None or row[0] is None:
        raise PreconditionError(
            "The standby has replayed nothing yet. Nothing was changed.",
            remedy="See its log.",
        )
    return int(row[0])


def _told(done: int, total: int) -> Progress:
    return Progress(
        stage=Stage.BACKUP,
        state=State.ADVANCED,
        label="standby replays",
        done=done,
        total=total,
        unit="bytes",
    )
