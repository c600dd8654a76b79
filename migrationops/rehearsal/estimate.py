"""What a statement would cost on the live tables.

A shadow without rows shows which tables a statement works on and under which lock,
and the live sizes say how much that is: an estimate. On a copy of the rows the time
is that which the statement took: a measurement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrationops.postgres.introspection import TableSize
from migrationops.postgres.table_locks import Lock
from migrationops.rehearsal.facts import Facts
from migrationops.rehearsal.record import RehearsedStep

# Bytes a second, on the slow side: a cold disk of a small managed server.
_READ = 150e6
_REWRITE = 30e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One table that a step works on; `lock` is what is held on it meanwhile."""

    migration: str
    position: int
    table: str
    work: str  # rewritten, read
    lock: str
    blocks_writers: bool
    rows: int
    bytes: int
    seconds: float
    measured: bool = False  # the whole step's time, on a copy of the live rows


def estimate(
    migration: str,
    step: RehearsedStep,
    sizes: Mapping[str, TableSize],
    *,
    measured: bool = False,
) -> Iterator[Estimate]:
    """Estimate the work of one step on each live table."""
    if step.facts is None:
        return
    for table in sorted({*step.facts.rewritten, *step.facts.visited} & set(sizes)):
        size, rewritten = sizes[table], table in step.facts.rewritten
        lock = _lock(step.facts, table)
        guess = size.bytes / (_REWRITE if rewritten else _READ)
        yield Estimate(
            migration=migration,
            position=step.position,
            table=table,
            work="rewritten" if rewritten else "read",
            lock=lock.name,
            blocks_writers=lock.blocks_writes,
            rows=size.rows,
            bytes=size.bytes,
            seconds=round(step.facts.seconds if measured else guess, 3),
            measured=measured,
        )


def _lock(facts: Facts, table: str) -> Lock:
    return max(facts.locks.get(table, Lock.AS), facts.held.get(table, Lock.AS))
