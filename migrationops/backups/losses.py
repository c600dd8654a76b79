"""What a restore would lose: writes since the backup, stated as at most N.

Never a false zero: wherever the statistics may have lost something, the answer is
*unknown*, and unknown counts as a loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from migrationops.backups.counters import Counters, TableCounters
from migrationops.exceptions import RefusedError
from migrationops.postgres.databases import Connection

# Written by every run; the history is carried over, the records are what a restore
# is meant to take back.
_OURS = ("public.django_migrations", "public.migrationops_")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLoss:
    """Rows written to one table since; None is unknown, and `why` says why."""

    table: str
    at_most: int | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Tables with writes since the backup."""

    tables: tuple[TableLoss, ...] = ()

    @property
    def at_most(self) -> int | None:
        """Rows in all, or None when it is not known."""
        known = [t.at_most for t in self.tables if t.at_most is not None]
        return sum(known) if len(known) == len(self.tables) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What the operator is ready to lose: a number, or everything (None)."""

    rows: int | None = 0

    def covers(self, at_most: int | None) -> bool:
        if self.rows is None:
            return True
        return at_most is not None and at_most <= self.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWrites:
    """What committed migrations of ours wrote since, and which tables they rewrote."""

    rows: Mapping[str, int] = field(default_factory=dict)
    rewritten: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The losses as they stood at one moment, and the writes counted until then."""

    losses: Losses
    written: int


def compare(before: Counters, now: Counters, own: OwnWrites) -> Losses:
    """Return what was written between two readings of the counters."""
    if before.resets != now.resets:
        why = "the server's statistics were reset, or it crashed"
        return Losses(tables=(TableLoss(table="*", at_most=None, why=why),))
    old = {t.qualified_name: t for t in before.tables}
    new = {t.qualified_name: t for t in now.tables}
    found = [
        _compare(name, old.get(name), new.get(name), own)
        for name in sorted(old.keys() | new.keys())
        if not name.startswith(_OURS)
    ]
    return Losses(tables=tuple(t for t in found if t.at_most != 0))


def check(losses: Losses, accepted: Accepted, database: str) -> None:
    """Raise RefusedError, with the ways on, when more would be lost than accepted."""
    number = losses.at_most
    if accepted.covers(number):
        return
    tables = "; ".join(
        f"{t.table}: {f'{t.at_most:,}' if t.at_most is not None else t.why}"
        for t in losses.tables[:10]
    )
    amount = "an unknown number of" if number is None else f"at most {number:,}"
    accept = "all" if number is None else number
    raise RefusedError(
        f"A restore would lose {amount} rows written to {database!r} since the backup "
        f"({tables}). Nothing was changed.",
        remedy=f"If they may go: --accept-loss {accept}. They stay in the kept "
        "database, and --list-losses names them; --into NAME restores beside.",
    )


def written_rows(connection: Connection, database: str) -> int:
    """Return the rows ever written in a database, system catalogs included."""
    row = connection.execute(
        "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database "
        "WHERE datname = %s",
        [database],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _compare(
    name: str,
    before: TableCounters | None,
    now: TableCounters | None,
    own: OwnWrites,
) -> TableLoss:
    if now is None:
        return _unknown(name, "was dropped")
    if before is None:
        # A table that was never rewritten still has its first file, named as it is.
        if now.relfilenode == now.oid or name in own.rewritten:
            return TableLoss(table=name, at_most=_writes(now) - own.rows.get(name, 0))
        return _unknown(name, "is new")
    if before.oid != now.oid:
        return _unknown(name, "is another table of that name")
    if before.relfilenode != now.relfilenode and name not in own.rewritten:
        return _unknown(name, "was rewritten or truncated")
    rows = _writes(now) - _writes(before) - own.rows.get(name, 0)
    return _unknown(name, "counts backwards") if rows < 0 else _loss(name, rows)


def _writes(counters: TableCounters) -> int:
    return counters.inserted + counters.updated + counters.deleted


def _loss(name: str, rows: int) -> TableLoss:
    return TableLoss(table=name, at_most=rows)


def _unknown(name: str, why: str) -> TableLoss:
    return TableLoss(table=name, at_most=None, why=why)
