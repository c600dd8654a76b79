"""Two databases change places in one transaction: everyone sees the one or the other.

The first RENAME locks the database against new sessions and waits for the last of
the old ones, which a second connection ends meanwhile. Killed before COMMIT, nothing
has happened; nobody is ever shut out by more than that transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql

from migrationops.backups import derived
from migrationops.backups.derived import Derived, Role
from migrationops.backups.sessions import ending_sessions
from migrationops.backups.source import Source
from migrationops.exceptions import DatabaseError, FailedError, NeedsPersonError
from migrationops.postgres.databases import Connection
from migrationops.postgres.properties import set_comment

_TRIES = 3
_PAUSE = 0.5  # seconds between tries, in which everyone can work
_OUTAGE = "1s"  # a first RENAME that waits longer keeps everybody from logging in

# Told the live database's name of the moment; raises to call the swap off.
Gate = Callable[[Connection, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swapped:
    """What was live, under its new name, and for how long nobody could connect.

    None where the answer to COMMIT was lost: it is not known.
    """

    kept: Derived
    seconds: float | None


def swap(source: Source, incoming: Derived, comment: str, gate: Gate) -> Swapped:
    """Put `incoming` in the place of the live database, which is kept beside.

    `gate` is asked when no session is left and none can begin. Raises FailedError
    when the sessions cannot be ended; nothing then has changed. When the server is
    lost, NeedsPersonError: it is not known.
    """
    kept = derived.new_derived(
        source.database, role=Role.KEPT, run=incoming.run, backup=incoming.backup
    )
    for attempt in range(_TRIES):
        time.sleep(_PAUSE if attempt else 0)
        with source.maintenance() as connection:
            try:
                return _swap(source, connection, incoming, kept, comment, gate)
            except (errors.QueryCanceled, errors.ObjectInUse):
                continue  # the transaction is rolled back with its connection
            except psycopg.OperationalError:
                if _has_happened(source, kept):
                    return Swapped(kept=kept, seconds=None)
                raise
    raise FailedError(
        f"The sessions in {source.database!r} could not be ended within {_OUTAGE}, "
        f"{_TRIES} times. Nothing was changed; the restored database "
        f"{incoming.name!r} is ready to be swapped in.",
        remedy="Stop the application and run the same command again: it goes on from "
        "there.",
    )


def _swap(
    source: Source,
    connection: Connection,
    incoming: Derived,
    kept: Derived,
    comment: str,
    gate: Gate,
) -> Swapped:
    live = sql.Identifier(source.database)
    waiting = sql.Identifier(derived.derived_name(source.database))
    connection.execute("BEGIN")
    # Who is in the incoming one, if only autovacuum, must not prolong the outage.
    with ending_sessions(source, incoming.name):
        _rename(connection, incoming.identifier, waiting)
    with ending_sessions(source, source.database):
        started = time.monotonic()
        connection.execute(
            "SELECT set_config('statement_timeout', %s, true)", [_OUTAGE]
        )
        _rename(connection, live, kept.identifier)
    gate(connection, kept.name)
    _rename(connection, waiting, live)
    set_comment(connection, source.database, comment)
    derived.describe(connection, kept)
    _make_read_only(connection, kept)
    connection.execute("COMMIT")
    return Swapped(kept=kept, seconds=time.monotonic() - started)


def _rename(connection: Connection, old: sql.Identifier, new: sql.Identifier) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))


def _make_read_only(connection: Connection, kept: Derived) -> None:
    """So that who follows an old name does not write where nobody looks."""
    query = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
    connection.execute(query.format(kept.identifier))


def _has_happened(source: Source, kept: Derived) -> bool:
    """Whether a COMMIT whose answer was lost took effect.

    Raises NeedsPersonError when the server cannot be asked.
    """
    try:
        with source.maintenance() as connection:
            found = derived.find_derived(connection, source.database)
    except (DatabaseError, psycopg.OperationalError) as exc:
        raise NeedsPersonError(
            f"The server was lost while {source.database!r} was swapped, and cannot "
            f"be asked ({exc}). The swap was made whole or not at all.",
            remedy="When it is back, see: manage.py backups list. Where that names "
            f"{kept.name!r} as kept, the backup is live; else run the same command "
            "again: it goes on from there.",
        ) from exc
    return any(d.name == kept.name and d.role is Role.KEPT for d in found)
