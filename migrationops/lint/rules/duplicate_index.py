"""Another index already serves this."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DuplicateIndex(EventRule):
    id = "duplicate-index"
    title = "Another index already serves this"
    problem = "It begins with the same columns: every write pays for both."
    remedy = "# Leave one of them out."
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    design = True
    kinds = ("create_index",)

    def applies(self, event: Event, step: Step) -> bool:
        table = step.world.find(event.table)
        columns, count = event["columns"], len(event["columns"])
        special = event["predicate"] or event["unique"] or event["method"] != "btree"
        if table is None or special:
            return False
        return any(
            i.columns[:count] == columns and i.name != event.name and not i.predicate
            for i in table.indexes
        )

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = DuplicateIndex()
