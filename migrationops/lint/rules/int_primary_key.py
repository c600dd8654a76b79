"""A primary key of 32 bits or less runs out."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class IntPrimaryKey(EventRule):
    id = "int-primary-key"
    title = "A primary key of 32 bits or less runs out"
    problem = "int ends at 2,147,483,647, and the change to bigint rewrites the table."
    remedy = """\
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
    source = "https://www.postgresql.org/docs/current/datatype.html"
    design = True
    kinds = ("create_table",)

    def applies(self, event: Event, step: Step) -> bool:
        table = event["made"]
        keys = {name for i in table.indexes if i.primary for name in i.columns}
        return any(c.name in keys and c.type in {"int4", "int2"} for c in table.columns)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = IntPrimaryKey()
