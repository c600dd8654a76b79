"""Recognise a transaction pooler between us and the server."""

from __future__ import annotations

from migrationops.exceptions import PreconditionError
from migrationops.postgres.databases import Connection


def refuse_pooler(connection: Connection) -> None:
    """Raise PreconditionError when a pooler answers in the server's place.

    A pooler invents the process id of the handshake; through an idle one, SET and
    pg_backend_pid() look stable while two clients get the same advisory lock.
    """
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    if row and row[0] != connection.info.backend_pid:
        raise PreconditionError(
            "The connection goes through a pooler: session settings and locks would "
            "not hold. Nothing was changed.",
            remedy="Set MIGRATIONOPS['DIRECT_URL'] to the server's own address.",
        )
