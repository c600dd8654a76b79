"""A place in a migration where a test holds a run up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.outcome import wait_for
from tests.shop import Shop


@dataclass(frozen=True, slots=True)
class Gate:
    """An advisory lock by its number, which no other test uses."""

    number: int

    @property
    def statement(self) -> str:
        """The SQL that waits here."""
        return f"SELECT pg_advisory_xact_lock({self.number})"

    @property
    def operation(self) -> str:
        """The operation of a migration that waits here."""
        return f'migrations.RunSQL("{self.statement}")'

    @contextmanager
    def closed(self, shop: Shop) -> Iterator[None]:
        """Let nobody through before the block ends."""
        with shop.connect() as keeper:
            keeper.execute("SELECT pg_advisory_lock(%s)", [self.number])
            yield

    def wait(self, shop: Shop) -> None:
        """Wait until a run has come to it."""
        wait_for(
            shop,
            "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted "
            f"AND locktype = 'advisory' AND objid = {self.number} AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
        )
