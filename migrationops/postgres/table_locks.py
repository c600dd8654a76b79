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
    def title(self) -> str:
        """The mode in SQL, such as SHARE ROW EXCLUSIVE."""
        return " ".join(_WORDS[initial] for initial in self.name)

    @property
    def held_as(self) -> str:
        """The mode in pg_locks, such as ShareRowExclusiveLock."""
        return f"{self.title.title().replace(' ', '')}Lock"

    @property
    def blocks_writes(self) -> bool:
        return self >= Lock.S

    @property
    def conflicts(self) -> frozenset[Lock]:
        """The modes that nobody else may hold meanwhile."""
        return frozenset(_CONFLICTS[self])


def strongest(found: Iterable[tuple[int, Lock]]) -> dict[int, Lock]:
    """Return each relation's strongest lock."""
    result: dict[int, Lock] = {}
    for oid, lock in found:
        result[oid] = max(lock, result.get(oid, lock))
    return result


_WORDS = {"A": "ACCESS", "R": "ROW", "S": "SHARE", "U": "UPDATE", "X": "EXCLUSIVE"}
# The conflicts of "Explicit Locking" in PostgreSQL's manual, which are symmetric.
_CONFLICTS = {
    Lock.AS: {Lock.AX},
    Lock.RS: {Lock.X, Lock.AX},
    Lock.RX: {Lock.S, Lock.SRX, Lock.X, Lock.AX},
    Lock.SUX: {Lock.SUX, Lock.S, Lock.SRX, Lock.X, Lock.AX},
    Lock.S: {Lock.RX, Lock.SUX, Lock.SRX, Lock.X, Lock.AX},
    Lock.SRX: {Lock.RX, Lock.SUX, Lock.S, Lock.SRX, Lock.X, Lock.AX},
    Lock.X: set(Lock) - {Lock.AS},
    Lock.AX: set(Lock),
}
