"""Ends the sessions of a database, for as long as somebody waits for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migrationops.backups.source import Source
from migrationops.postgres.databases import Connection

_PAUSE = 0.005  # seconds between two looks

# Whom this role may not signal would make an unfiltered call fail as a whole.
_SESSIONS = """
SELECT a.pid, a.usename, a.application_name,
       me.rolsuper OR NOT r.rolsuper AND (
           pg_has_role(current_user, a.usesysid, 'USAGE')
           OR pg_has_role(current_user, 'pg_signal_backend', 'USAGE'))
FROM pg_stat_activity a
JOIN pg_database d ON d.oid = a.datid
JOIN pg_roles r ON r.oid = a.usesysid
CROSS JOIN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) me
WHERE d.datname = %s AND a.pid <> pg_backend_pid()
"""


def untouchable_sessions(connection: Connection, database: str) -> list[str]:
    """Name the sessions that this role may not end."""
    rows = connection.execute(_SESSIONS, [database]).fetchall()
    return [
        f"pid {pid} ({user}, {application or 'unnamed'})"
        for pid, user, application, may_end in rows
        if not may_end
    ]


def end_sessions(connection: Connection, database: str) -> None:
    """End each session once, walsenders included."""
    for pid, _, _, may_end in connection.execute(_SESSIONS, [database]).fetchall():
        if may_end:
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])


@contextmanager
def ending_sessions(source: Source, database: str) -> Iterator[None]:
    """End sessions again and again, on a second connection, until the block ends."""
    stop = threading.Event()
    with source.maintenance() as connection:

        def work() -> None:
            while not stop.is_set():
                end_sessions(connection, database)
                stop.wait(_PAUSE)

        thread = threading.Thread(target=work, name="migrationops-end-sessions")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
