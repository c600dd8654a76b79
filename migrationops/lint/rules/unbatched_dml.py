"""One statement changes many rows."""

from __future__ import annotations

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class UnbatchedDml(EventRule):
    id = "unbatched-dml"
    title = "One statement changes many rows"
    problem = (
        "A long transaction: row locks until the end, bloat, a burst of WAL for the "
        "replicas, VACUUM held back."
    )
    remedy = """\
Backfill("order", {"state": Value("new")}, Q(state=None))  # atomic = False
"""
    source = "https://www.postgresql.org/docs/current/routine-vacuuming.html"
    kinds = ("dml",)

    def applies(self, event: Event, step: Step) -> bool:
        many = event.name in {"update", "delete", "merge"} and not event["narrow"]
        return many and super().applies(event, step)

    def severity(self, event: Event, step: Step) -> Severity:
        rows = step.rows(event.table)
        small = rows is not None and rows <= severity.SMALL
        return Severity.SAFE if small else Severity.CAREFUL

    def message(self, event: Event, step: Step) -> str:
        rows = severity.rows_text(step.rows(event.table))
        return f"{self.title}: {event.name} of {event.table} ({rows})."


RULE = UnbatchedDml()
