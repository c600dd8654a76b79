"""An index over more than three columns."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class WideIndex(EventRule):
    id = "wide-index"
    title = "An index over more than three columns"
    problem = "Rarely useful beyond its first columns, and every write pays for it."
    remedy = "# Fewer columns, or INCLUDE."
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    design = True
    kinds = ("create_index",)

    def applies(self, event: Event, step: Step) -> bool:
        return not event["unique"] and len(event["columns"]) > 3

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = WideIndex()
