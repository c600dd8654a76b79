"""TRUNCATE destroys every row."""

from __future__ import annotations

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class Truncate(EventRule):
    id = "truncate"
    title = "TRUNCATE destroys every row"
    problem = (
        "It cannot be undone after COMMIT, gives older snapshots an empty table, and "
        "with CASCADE takes every referencing table along."
    )
    remedy = "Backfill-like batches of DELETE, after a proven backup"
    source = "https://www.postgresql.org/docs/current/sql-truncate.html"
    kinds = ("truncate",)

    def severity(self, event: Event, step: Step) -> Severity:
        return severity.of_table(step, event.table, Severity.DANGEROUS)

    def message(self, event: Event, step: Step) -> str:
        return f"{self.title}: {event.table} ({severity.rows_text(event['rows'])})."


RULE = Truncate()
