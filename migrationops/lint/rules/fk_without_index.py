"""A foreign key without an index on its columns."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class FkWithoutIndex(EventRule):
    id = "fk-without-index"
    title = "A foreign key without an index on its columns"
    problem = (
        "Deleting or updating a row of the parent reads the whole child table under "
        "its lock."
    )
    remedy = """\
AddIndexConcurrently("line", models.Index(fields=["order"], name="line_order"))
"""
    source = (
        "https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-"
        "CONSTRAINTS-FK"
    )
    design = True
    kinds = ("add_constraint", "new_table_constraint")

    def applies(self, event: Event, step: Step) -> bool:
        key = event["constraint"]
        table = step.world.find(event.table)
        if key.kind != "f" or table is None:
            return False
        count = len(key.columns)
        return not any(i.columns[:count] == key.columns for i in table.indexes)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = FkWithoutIndex()
