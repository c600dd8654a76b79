"""varchar(n)."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation import datatypes
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class VarcharLimit(EventRule):
    id = "varchar-limit"
    title = "varchar(n)"
    problem = "Making it shorter rewrites the table; a CHECK can be changed without."
    remedy = "models.TextField()  # and a CheckConstraint for the length"
    source = "https://www.postgresql.org/docs/current/datatype.html"
    design = True
    kinds = ("create_table", "add_column")

    def applies(self, event: Event, step: Step) -> bool:
        columns = event["made"].columns if event["made"] else [event["column"]]
        types = [datatypes.of_text(c.type) for c in columns]
        return any(t.name == "varchar" and bool(t.typmod) for t in types if t)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = VarcharLimit()
