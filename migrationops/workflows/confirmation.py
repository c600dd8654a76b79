"""What cannot be undone wants the database's name typed first."""

from __future__ import annotations

from collections.abc import Callable

from migrationops.exceptions import RefusedError

Ask = Callable[[], str]


def confirm_name(ask: Ask | None, database: str) -> None:
    """Raise RefusedError unless the database's name is typed; None asks nobody."""
    typed = database if ask is None else ask()
    if typed != database:
        raise RefusedError(
            f"The database is called {database!r}, not {typed!r}; nothing was changed.",
            remedy="Type its name, or use the right DATABASE_URL.",
        )
