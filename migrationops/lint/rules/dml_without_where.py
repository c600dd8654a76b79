"""UPDATE or DELETE without WHERE."""

from __future__ import annotations

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DmlWithoutWhere(EventRule):
    id = "dml-without-where"
    title = "UPDATE or DELETE without WHERE"
    problem = "Every row is changed in one statement."
    remedy = """\
Backfill("order", {"state": Value("new")}, Q(state=None))  # atomic = False
"""
    source = "https://www.postgresql.org/docs/current/sql-update.html"
    kinds = ("dml",)

    def applies(self, event: Event, step: Step) -> bool:
        changes = event.name in {"update", "delete"} and not event["bounded"]
        return changes and super().applies(event, step)

    def severity(self, event: Event, step: Step) -> Severity:
        lost = Severity.DANGEROUS if event.name == "delete" else Severity.CAREFUL
        return severity.of_table(step, event.table, lost)

    def message(self, event: Event, step: Step) -> str:
        return f"{self.title}: {event.name} of every row of {event.table}."


RULE = DmlWithoutWhere()
