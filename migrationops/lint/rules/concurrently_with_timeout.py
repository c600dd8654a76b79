"""CONCURRENTLY under lock_timeout leaves an INVALID index."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class ConcurrentlyWithTimeout(EventRule):
    id = "concurrently-with-timeout"
    title = "CONCURRENTLY under lock_timeout leaves an INVALID index"
    problem = (
        "It waits for old snapshots of any table; a limit that ends the wait leaves a "
        "broken index behind, which IF NOT EXISTS then keeps."
    )
    remedy = """\
SET lock_timeout = 0;  -- look for old transactions first, drop INVALID left-overs after
"""
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    kinds = ("create_index", "drop_index", "reindex")

    def applies(self, event: Event, step: Step) -> bool:
        return event["concurrent"] and step.effect.lock_timeout not in {"", "0"}

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = ConcurrentlyWithTimeout()
