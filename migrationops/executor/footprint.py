"""What the statements of a migration lock, and which of it can be locked first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migrationops.postgres.statements import definitions
from migrationops.postgres.table_locks import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One statement's locks, by the qualified names of tables that were there before.

    `works`: it takes time in proportion to rows, or for as long as code pleases.
    """

    locks: Mapping[str, Lock] = field(default_factory=dict)
    works: bool = False

    @classmethod
    def of(cls, sql: str, locks: Mapping[str, Lock], *, works: bool) -> Footprint:
        """Return that of a step; code and scripts that work may lock at any time."""
        count = definitions(sql)
        if count is None or (works and count > 1):
            return cls(works=True)
        return cls(locks=locks, works=works)


def leading(footprints: Iterable[Footprint]) -> dict[str, Lock]:
    """Return the locks that keep writers out and may be taken before all others.

    Up to the first statement that works through rows: it takes its own locks before
    it begins, while those of later ones would be held during its work for nothing.
    A lock that keeps no writer out is left where it is: it conflicts with none of
    the application's.
    """
    found: dict[str, Lock] = {}
    for footprint in footprints:
        for table, lock in footprint.locks.items():
            if lock.blocks_writes:
                found[table] = max(lock, found.get(table, lock))
        if footprint.works:
            break
    return found
