"""What a restore would lose: writes since the backup, stated as at most N.

Never a false zero: wherever the statistics may have lost something, the answer is
*unknown*, and unknown counts as a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from migrationops.backups.counters import Counters, TableCounters
from migrationops.exceptions import RefusedError
from migrationops.postgres.databases import Connection
from migrationops.wording import many

# Written by every run; the history is carried over, the records are what a restore
# is meant to take back.
_OURS = ("public.django_migrations", "public.migrationops_")
_RESET = "the server's statistics were reset, or it crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLoss:
    """Rows written to one table since; None is unknown, and `why` says why.

    The table `*` is any.
    """

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

    def and_since(self, rows: int) -> Losses:
        """Add rows that were written after these were read, no matter where."""
        if rows == 0:
            return self
        counted, why = (rows, "") if rows > 0 else (None, _RESET)
        since = TableLoss(table="*", at_most=counted, why=why)
        return Losses(tables=(*self.tables, since))


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
    """What committed transactions of our migrations wrote, by the table's oid.

    `files` are the relfilenodes before and after each rewrite, in order; 0 before is
    a table that was made there.
    """

    rows: Mapping[int, int] = field(default_factory=dict)
    files: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    def leads_to(self, table: int, start: int, end: int) -> bool:
        """Whether our rewrites alone, one after the other, explain the table's file."""
        for before, after in self.files.get(table, ()):
            if before not in (0, start):
                return False
            start = after
        return start == end


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The losses as they stood at one moment, and the writes counted until then."""

    losses: Losses
    written: int


def compare(before: Counters, now: Counters, own: OwnWrites) -> Losses:
    """Return what others wrote between two readings of one database's counters."""
    if before.resets != now.resets:
        return unknown("*", _RESET)
    old = {t.oid: t for t in before.tables}
    new = {t.oid: t for t in now.tables}
    found = [
        _compare(old.get(oid), new.get(oid), own)
        for oid in sorted(old.keys() | new.keys())
    ]
    lost = [t for t in found if t.at_most != 0 and not t.table.startswith(_OURS)]
    return Losses(tables=tuple(sorted(lost, key=lambda t: t.table)))


def unknown(table: str, why: str) -> Losses:
    return Losses(tables=(TableLoss(table=table, at_most=None, why=why),))


def check(losses: Losses, accepted: Accepted, database: str) -> None:
    """Raise RefusedError, with the ways on, when more would be lost than accepted."""
    number = losses.at_most
    if accepted.covers(number):
        return
    tables = "; ".join(
        f"{t.table}: {f'{t.at_most:,}' if t.at_most is not None else t.why}"
        for t in losses.tables[:10]
    )
    amount = (
        "an unknown number of rows"
        if number is None
        else f"at most {many(number, 'row')}"
    )
    accept = "all" if number is None else number
    raise RefusedError(
        f"A restore would lose {amount} written to {database!r} since the backup "
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
    before: TableCounters | None, now: TableCounters | None, own: OwnWrites
) -> TableLoss:
    if now is None:
        assert before is not None
        return _unknown(before, "was dropped")
    # A table that was never rewritten still has its first file, named as it is.
    start = before.relfilenode if before else now.oid
    if not own.leads_to(now.oid, start, now.relfilenode):
        return _unknown(now, "was rewritten or truncated" if before else "is new")
    rows = now.writes - (before.writes if before else 0) - own.rows.get(now.oid, 0)
    if rows < 0:
        return _unknown(now, "counts backwards")
    return TableLoss(table=now.qualified_name, at_most=rows)


def _unknown(table: TableCounters, why: str) -> TableLoss:
    return TableLoss(table=table.qualified_name, at_most=None, why=why)
