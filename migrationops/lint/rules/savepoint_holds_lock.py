"""A savepoint does not give earlier locks back."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class SavepointHoldsLock(EventRule):
    id = "savepoint-holds-lock"
    title = "A savepoint does not give earlier locks back"
    problem = (
        "ROLLBACK TO SAVEPOINT frees only what was locked after it; a retry that way "
        "sleeps while it keeps others waiting."
    )
    remedy = "# Try the whole transaction again, as safe_migrate does."
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"
    kinds = ("transaction",)

    def applies(self, event: Event, step: Step) -> bool:
        held = step.held(Lock.SUX)
        return event.name in {"savepoint", "rollback_to"} and bool(held)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = SavepointHoldsLock()
