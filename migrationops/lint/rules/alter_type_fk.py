"""The change of type locks the other side of a foreign key too."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import severity
from migrationops.lint.finding import Severity, worst
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step


class AlterTypeFk(StatementRule):
    id = "alter-type-fk"
    title = "The change of type locks the other side of a foreign key too"
    problem = (
        "ACCESS EXCLUSIVE is taken on both tables, and when the type really changes "
        "the key is checked again: both are read."
    )
    remedy = """\
# Drop the key first (db_constraint=False), change both columns with
# ChangeTypeExpand, ChangeTypeBackfill and ChangeTypeContract, add the key again.
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"

    def check(self, step: Step) -> Iterator[Hit]:
        worked = step.effect.touched(self.id)
        found = worst(severity.of_work(t) for t in worked if t.blocks is not False)
        for event in step.events("alter_type_fk"):
            least = severity.of_table(step, event.table, Severity.CAREFUL)
            yield Hit(
                severity=worst([least, found]),
                table=event.table,
                message=f"{self.title}: {event.name} between {event.table} and "
                f"{event['parent']}.",
            )


RULE = AlterTypeFk()
