"""A new column with a foreign key locks both tables."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import severity
from migrationops.lint.finding import Severity, worst
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step


class AddColumnReferences(StatementRule):
    id = "add-column-references"
    title = "A new column with a foreign key locks both tables"
    problem = (
        "ACCESS EXCLUSIVE on the table and SHARE ROW EXCLUSIVE on the one it refers "
        "to, for a moment as long as the column is NULL everywhere; with a default "
        "both tables are read under them."
    )
    remedy = """\
from migrationops.operations import AddForeignKey

# The column, then the key NOT VALID, then VALIDATE; atomic = False.
key = models.ForeignKey("Customer", models.PROTECT, null=True)
AddForeignKey("order", "customer", key)
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"

    def check(self, step: Step) -> Iterator[Hit]:
        for event in step.events("add_constraint"):
            key = event["constraint"]
            if not event["inline"] or key.kind != "f" or step.is_new(event.table):
                continue
            worked = step.effect.touched(self.id)
            found = [severity.of_work(t) for t in worked if t.blocks is not False]
            least = severity.of_table(step, event.table, Severity.CAREFUL)
            reads = " and both tables are read through" if found else ""
            yield Hit(
                severity=worst([least, *found]),
                table=event.table,
                message=f"{self.title}: {event.table} and {key.references}{reads}.",
            )


RULE = AddColumnReferences()
