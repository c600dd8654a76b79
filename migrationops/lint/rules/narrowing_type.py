"""The new type holds less."""

from __future__ import annotations

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation import datatypes
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class NarrowingType(EventRule):
    id = "narrowing-type"
    title = "The new type holds less"
    problem = (
        "Stored values may not fit and make the migration fail, and the old release "
        "overflows the column."
    )
    remedy = "# First AddCheck; change the type when nothing longer can be there."
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("alter_type",)

    def applies(self, event: Event, step: Step) -> bool:
        old, new = event["old"], event["new"]
        narrower = old is not None and datatypes.is_narrower(old, new)
        return narrower and super().applies(event, step)

    def severity(self, event: Event, step: Step) -> Severity:
        return severity.of_table(step, event.table, Severity.DANGEROUS)

    def message(self, event: Event, step: Step) -> str:
        place = f"{event.table}.{event.name}"
        return f"{self.title}: {place} from {event['old']} to {event['new']}."


RULE = NarrowingType()
