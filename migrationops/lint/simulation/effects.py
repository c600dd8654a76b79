"""What a statement does, as frozen values: locks, work on tables, events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from migrationops.postgres.table_locks import Lock


class Work(StrEnum):
    """What takes time in proportion to a table's rows."""

    REWRITE = "rewrite"
    SCAN = "scan"
    INDEX = "index build"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Work done on one table by one statement, and the lock held meanwhile."""

    table: str
    work: Work
    cause: str
    lock: Lock | None
    rows: int | None = None  # None: not known
    new: bool = False  # nobody else can see the table yet
    made: bool = False  # the plan made the table: nobody else uses it yet
    certain: bool = True

    @property
    def blocks(self) -> bool | None:
        """Does it keep writers of an existing table waiting? None: cannot be known."""
        if self.new or self.lock is None or not self.lock.blocks_writes:
            return False
        if self.work is not Work.REWRITE and self.rows == 0:
            return False  # nothing to read through
        return True if self.certain else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a statement does to the schema or to data."""

    kind: str
    table: str = ""
    name: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.detail.get(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error that PostgreSQL will raise: SQLSTATE and message."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One statement's whole effect."""

    index: int
    sql: str
    kind: str  # libpg_query's name of the statement, "" when it cannot be parsed
    in_transaction: bool = True
    locks: Mapping[str, Lock] = field(default_factory=dict)
    held: Mapping[str, Lock] = field(default_factory=dict)  # before it began
    touches: tuple[Touch, ...] = ()
    events: tuple[Event, ...] = ()
    unknown: tuple[str, ...] = ()  # why something cannot be known
    failure: Failure | None = None
    lock_timeout: str = ""  # the script's own setting, "" when it made none
    statement_timeout: str = ""
    new_tables: frozenset[str] = frozenset()
    made_tables: frozenset[str] = frozenset()  # by this plan, earlier or now
    rows: Mapping[str, int | None] = field(default_factory=dict)  # of locked tables

    @property
    def blocks(self) -> bool | None:
        """Is a table rewritten, read or indexed under SHARE or stronger?"""
        if self.failure:
            return False
        answers = {touch.blocks for touch in self.touches}
        if True in answers:
            return True
        return None if self.unknown or None in answers else False

    def of_kind(self, *kinds: str) -> list[Event]:
        return [e for e in self.events if e.kind in kinds]

    def touched(self, *causes: str) -> list[Touch]:
        return [t for t in self.touches if t.cause in causes]
