"""A json column has no equality."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class JsonColumn(EventRule):
    id = "json-column"
    title = "A json column has no equality"
    problem = (
        "SELECT DISTINCT, GROUP BY and UNION over the table fail; Django's distinct() "
        "does."
    )
    remedy = "models.JSONField()  # is jsonb"
    source = "https://www.postgresql.org/docs/current/datatype-json.html"
    kinds = ("add_column", "create_table")

    def applies(self, event: Event, step: Step) -> bool:
        if event.kind == "add_column":
            return bool(event["type"].name == "json")
        return any(column.type == "json" for column in event["made"].columns)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = JsonColumn()
