"""Lock and statement limits on an executing session, set and read back.

ROLLBACK undoes SET, so they are set inside every try (HAZARDS: the row
lock-timeout-ineffective).
"""

from __future__ import annotations

from dataclasses import dataclass

from migrationops.exceptions import NeedsPersonError
from migrationops.postgres.databases import Connection
from migrationops.postgres.statements import StatementClass

# Not timeouts of ours, but settings that a run needs on its executing session.
_SESSION = {
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "synchronous_commit": "on",
}
# How soon the server notices a dead client in mid-statement.
_CHECK_INTERVAL = "500ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Milliseconds; 0 is no limit."""

    lock_timeout: int
    statement_timeout: int

    @classmethod
    def of(
        cls, statement: StatementClass, *, lock_timeout: float, statement_timeout: float
    ) -> Limits:
        """Return the limits of a class, from the policy's seconds.

        A concurrent build must not be cut off: it would leave an INVALID index.
        """
        lock_ms, statement_ms = int(lock_timeout * 1000), int(statement_timeout * 1000)
        match statement:
            case StatementClass.CONCURRENT:
                return cls(lock_timeout=0, statement_timeout=0)
            case StatementClass.VALIDATING:
                return cls(lock_timeout=lock_ms, statement_timeout=0)
            case _:
                return cls(lock_timeout=lock_ms, statement_timeout=statement_ms)


def apply(connection: Connection, limits: Limits, *, local: bool) -> None:
    """Set the limits, for the transaction when `local`; raise if they do not hold."""
    row = connection.execute(
        "SELECT set_config('lock_timeout', %s, %s), "
        "set_config('statement_timeout', %s, %s), "
        "(SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'), "
        "(SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout')",
        [f"{limits.lock_timeout}ms", local, f"{limits.statement_timeout}ms", local],
    ).fetchone()
    if row is None or row[2:] != (limits.lock_timeout, limits.statement_timeout):
        raise NeedsPersonError(
            f"The server did not keep our limits (wanted {limits}, has {row}); "
            "the statement was not run.",
            remedy="See what sets lock_timeout or statement_timeout on the "
            "server (an extension, a pooler), then run the same command "
            "again.",
        )


def prepare_session(connection: Connection) -> None:
    """Give an executing session the settings that a whole run needs."""
    for name, value in _SESSION.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    connection.execute(
        "SELECT set_config(name, %s, false) FROM pg_settings "
        "WHERE name = 'client_connection_check_interval'",
        [_CHECK_INTERVAL],
    )
