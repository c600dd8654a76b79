"""INSERTs that rely on the default change or fail."""

from __future__ import annotations

from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DropDefault(EventRule):
    id = "drop-default"
    title = "INSERTs that rely on the default change or fail"
    problem = "Code that leaves the column out gets another value, or none."
    remedy = "# After the release that writes the column itself."
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("drop_default", "set_default")

    def applies(self, event: Event, step: Step) -> bool:
        column = event["column"]
        added = {(e.table, e.name) for e in step.earlier("add_column")}
        had = column is not None and column.default is not None
        fresh = (event.table, event.name) in added
        return had and not fresh and super().applies(event, step)


RULE = DropDefault()
