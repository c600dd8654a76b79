"""A session setting or lock does not survive a transaction pooler."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class PoolerTransactionMode(EventRule):
    id = "pooler-transaction-mode"
    title = "A session setting or lock does not survive a transaction pooler"
    problem = (
        "Behind PgBouncer in transaction mode a SET leaks into other clients' "
        "sessions or is lost, and an advisory lock is stranded."
    )
    remedy = """\
SET LOCAL ...  -- or a direct connection: MIGRATIONOPS["DIRECT_URL"]
"""
    source = "https://www.pgbouncer.org/features.html"
    kinds = ("set", "advisory_lock")

    def applies(self, event: Event, step: Step) -> bool:
        return step.by == "RunSQL" and not event["local"]

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = PoolerTransactionMode()
