"""A foreign key's column has another type than the one it refers to."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation import datatypes, edits
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class FkTypeMismatch(EventRule):
    id = "fk-type-mismatch"
    title = "A foreign key's column has another type than the one it refers to"
    problem = "Casts in every join, and the smaller one overflows."
    remedy = "# The same type on both sides."
    source = (
        "https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-"
        "CONSTRAINTS-FK"
    )
    design = True
    kinds = ("add_constraint", "new_table_constraint")

    def applies(self, event: Event, step: Step) -> bool:
        key = event["constraint"]
        own = step.world.find(event.table)
        parent = step.world.find(key.references or "")
        if own is None or parent is None or len(key.columns) != 1:
            return False
        column = own.column(key.columns[0])
        targets = [parent.column(name) for name in edits.targets(parent, key)]
        if column is None:
            return False
        type_ = datatypes.of_text(column.type)
        return any(t and datatypes.of_text(t.type) != type_ for t in targets)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = FkTypeMismatch()
