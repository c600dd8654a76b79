"""PostgreSQL's table locks, weakest first."""

from __future__ import annotations

from enum import IntEnum


class LockMode(IntEnum):
    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def short(self) -> str:
        """Return the usual abbreviation, such as AX."""
        return _SHORT[self]

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    @property
    def blocks_writers(self) -> bool:
        """Does INSERT or UPDATE wait behind it?"""
        return self >= LockMode.SHARE


_SHORT = dict(
    zip(LockMode, ("AS", "RS", "RX", "SUX", "S", "SRX", "X", "AX"), strict=True)
)
