"""PostgreSQL's eight table lock modes, weakest first."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Lock(IntEnum):
    """A table lock mode by its initials; SHARE and up keep writers out."""

    AS = 1
    RS = 2
    RX = 3
    SUX = 4
    S = 5
    SRX = 6
    X = 7
    AX = 8

    @classmethod
    def of(cls, mode: str) -> Lock:
        """Return the mode that pg_locks calls, say, ShareRowExclusiveLock."""
        words = mode.removesuffix("Lock").replace("Exclusive", "X")
        return cls["".join(letter for letter in words if letter.isupper())]

    @property
    def blocks_writes(self) -> bool:
        return self >= Lock.S


def strongest(found: Iterable[tuple[int, Lock]]) -> dict[int, Lock]:
    """Return each relation's strongest lock."""
    result: dict[int, Lock] = {}
    for oid, lock in found:
        result[oid] = max(lock, result.get(oid, lock))
    return result
