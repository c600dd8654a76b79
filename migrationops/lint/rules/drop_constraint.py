"""A guarantee that running code relies on goes."""

from __future__ import annotations

from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DropConstraint(EventRule):
    id = "drop-constraint"
    title = "A guarantee that running code relies on goes"
    problem = (
        "ON CONFLICT needs its unique constraint, and code may rely on what a key, a "
        "check or a foreign key promised."
    )
    remedy = "# After the release that does not rely on it."
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("drop_constraint",)

    def applies(self, event: Event, step: Step) -> bool:
        added = {(e.table, e.name) for e in step.earlier("add_constraint")}
        fresh = (event.table, event.name) in added
        return not fresh and super().applies(event, step)


RULE = DropConstraint()
