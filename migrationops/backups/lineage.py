"""What the live database went through since a backup: our migrations, and restores.

A restore makes another database, whose counters begin anew. What was counted at its
swap is kept in the history, so that an older backup's losses are still known: what was
written up to the backup that was restored, and what was written since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from migrationops.backups.counters import Counters, parse_counters
from migrationops.backups.losses import Losses, OwnWrites, TableLoss, compare, unknown
from migrationops.backups.manifest import Manifest
from migrationops.postgres.databases import Connection

_HAS_HISTORY = "SELECT to_regclass('migrationops_step') IS NOT NULL"
# The stage's row is there before the counters are read; a run takes one backup.
_POSITION = """
SELECT min(id) FROM migrationops_step
WHERE run_id::text = %s AND kind = 'stage' AND label = 'backup'
"""
_WRITES = """
SELECT detail->'writes' FROM migrationops_step
WHERE id > %s AND id < coalesce(%s::bigint, id + 1)
  AND state = 'done' AND detail ? 'writes'
ORDER BY id
"""
_RESTORE = """
SELECT s.id, s.detail->'counters', r.backup->'counters',
       r.backup->>'run', r.backup->>'lsn'
FROM migrationops_step s JOIN migrationops_run r ON r.id = s.run_id
WHERE s.kind = 'stage' AND (s.detail->'counters'->>'database')::bigint = %s
ORDER BY s.id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """A backup: the counters of its database then, its run and its place in the WAL."""

    counters: Counters
    run: str
    lsn: str

    @property
    def position(self) -> int:
        """A WAL position as a number: unlike a clock, it never goes back."""
        high, low = self.lsn.split("/")
        return (int(high, 16) << 32) + int(low, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Restore:
    """How a live database came to be: from which backup, and how it began."""

    step: int
    counters: Counters
    backup: _Point


def losses_since(connection: Connection, manifest: Manifest, now: Counters) -> Losses:
    """Return what a restore of this backup would lose, as far as it can be known.

    Goes back from the live database, restore by restore, to a database that the backup
    comes from too, and adds up what was written on the way and the backup has not.
    """
    origins = {p.counters.database: p for p in _origins(connection, manifest)}
    tables: tuple[TableLoss, ...] = ()
    reached: _Point | None = None
    while (origin := origins.get(now.database)) is None:
        restore = _find_restore(connection, now.database)
        if restore is None:
            return unknown("*", "the database is not the one that was backed up")
        until = reached.run if reached else ""
        own = _own_writes(connection, after=restore.step, until=until)
        tables = compare(restore.counters, now, own).tables + tables
        reached, now = restore.backup, restore.backup.counters
    if reached and origin.position >= reached.position:
        return Losses(tables=tables)
    own = _own_writes(connection, origin.run, until=reached.run if reached else "")
    return Losses(tables=compare(origin.counters, now, own).tables + tables)


def _origins(connection: Connection, manifest: Manifest) -> Iterator[_Point]:
    """Yield the backup, and those that its database was restored from."""
    point = _Point(counters=manifest.counters, run=manifest.run, lsn=manifest.lsn)
    yield point
    while restore := _find_restore(connection, point.counters.database):
        point = restore.backup
        yield point


def _own_writes(
    connection: Connection, run: str = "", *, until: str = "", after: int | None = None
) -> OwnWrites:
    """Sum up our transactions after one run's backup, and before another's."""
    if connection.execute(_HAS_HISTORY).fetchone() != (True,):
        return OwnWrites()
    first = _step(connection, run) if after is None else after
    if first is None:  # a backup that this history does not know
        return OwnWrites()
    last = _step(connection, until)
    rows: dict[int, int] = defaultdict(int)
    files: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (writes,) in connection.execute(_WRITES, [first, last]).fetchall():
        for oid, count in writes["rows"].items():
            rows[int(oid)] += count
        for oid, (old, new) in writes["files"].items():
            files[int(oid)].append((old, new))
    return OwnWrites(rows=rows, files=files)


def _step(connection: Connection, run: str) -> int | None:
    row = connection.execute(_POSITION, [run]).fetchone()
    return row[0] if row else None


def _find_restore(connection: Connection, database: int) -> _Restore | None:
    if connection.execute(_HAS_HISTORY).fetchone() != (True,):
        return None
    row = connection.execute(_RESTORE, [database]).fetchone()
    if row is None:
        return None
    return _Restore(
        step=row[0],
        counters=parse_counters(row[1]),
        backup=_Point(counters=parse_counters(row[2]), run=row[3], lsn=row[4]),
    )
