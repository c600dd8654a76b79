"""Severity from facts, and how long a lock would be held."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.simulation.effects import Touch, Work
from migrationops.lint.units import Step
from migrationops.plan import Phase
from migrationops.wording import many

SMALL = 10_000  # rows that are worked through in well under a second
# Rows a second on modest hardware: 3 million rows were rewritten in 6.4 s.
_SPEED = {Work.REWRITE: 470_000, Work.INDEX: 1_000_000, Work.SCAN: 5_000_000}


def of_work(touch: Touch) -> Severity:
    """Work under a blocking lock is as bad as the table is big."""
    if touch.new or touch.made or touch.rows == 0:
        return Severity.SAFE
    if touch.rows is not None and touch.rows <= SMALL:
        return Severity.CAREFUL
    return Severity.DANGEROUS


def of_table(step: Step, table: str, filled: Severity) -> Severity:
    """Return `filled`, but safe for a table of the plan's own or known to be empty."""
    unused = step.is_new(table) or table in step.effect.made_tables
    return Severity.SAFE if unused or step.rows(table) == 0 else filled


def of_deploy(step: Step, table: str) -> Severity:
    """What breaks running code is dangerous, unless the migration says contract."""
    contract = step.phase is Phase.CONTRACT
    return of_table(step, table, Severity.CAREFUL if contract else Severity.DANGEROUS)


def size_text(touch: Touch) -> str:
    return "new in this plan" if touch.made else rows_text(touch.rows)


def rows_text(rows: int | None) -> str:
    return "size not known" if rows is None else many(rows, "row")


def seconds(touch: Touch) -> float | None:
    """Estimate how long the work takes; None when the size is not known."""
    return None if touch.rows is None else touch.rows / _SPEED[touch.work]


def held_text(touch: Touch) -> str:
    """Say which lock is held for about how long."""
    if touch.lock is None:
        return ""
    estimate = seconds(touch)
    about = "" if estimate is None else f" for {_duration(estimate)}"
    return f"{touch.lock.title}{about}"


def _duration(estimate: float) -> str:
    if estimate < 1:
        return "less than a second"
    if estimate < 120:
        return f"about {estimate:.0f} s"
    return f"about {estimate / 60:.0f} min"
