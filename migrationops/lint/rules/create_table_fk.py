"""A new table's foreign key locks the table it refers to."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class CreateTableFk(EventRule):
    id = "create-table-fk"
    title = "A new table's foreign key locks the table it refers to"
    problem = (
        "SHARE ROW EXCLUSIVE on the referenced table, so nobody can write it until "
        "the transaction ends."
    )
    remedy = """\
# Keep the migration short: nothing else beside the new table.
# Or db_constraint=False now, and AddForeignKey later.
"""
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"
    kinds = ("new_table_constraint",)

    def applies(self, event: Event, step: Step) -> bool:
        parent = event["constraint"].references
        return parent is not None and not step.is_new(parent) and parent != event.table

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE

    def message(self, event: Event, step: Step) -> str:
        return f"{self.title}: {event['constraint'].references}."


RULE = CreateTableFk()
