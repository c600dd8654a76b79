"""timestamp without time zone."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation import datatypes
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class TimestampWithoutTz(EventRule):
    id = "timestamp-without-tz"
    title = "timestamp without time zone"
    problem = "The same instant is read differently by sessions in different zones."
    remedy = "models.DateTimeField()  # timestamptz"
    source = "https://www.postgresql.org/docs/current/datatype.html"
    design = True
    kinds = ("create_table", "add_column")

    def applies(self, event: Event, step: Step) -> bool:
        columns = event["made"].columns if event["made"] else [event["column"]]
        types = [datatypes.of_text(c.type) for c in columns]
        return any(t and t.name == "timestamp" for t in types)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = TimestampWithoutTz()
