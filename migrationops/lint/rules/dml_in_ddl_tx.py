"""Data is read or changed under the lock of an earlier statement."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class DmlInDdlTx(StatementRule):
    id = "dml-in-ddl-tx"
    title = "Data is read or changed under the lock of an earlier statement"
    problem = (
        "The transaction has changed a table's schema and holds its lock to the end; "
        "reading or changing many rows under it keeps everybody waiting meanwhile."
    )
    remedy = """\
# Two migrations: the schema in one, the data in the next one, in batches:
class Migration(migrations.Migration):
    atomic = False
    operations = [Backfill("order", {"state": Value("new")}, Q(state=None))]
"""
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"

    def check(self, step: Step) -> Iterator[Hit]:
        for touch in step.effect.touched("query"):
            if touch.blocks:
                yield Hit(
                    severity=severity.of_work(touch),
                    table=touch.table,
                    message=f"{self.title}: {touch.table} "
                    f"({severity.rows_text(touch.rows)}) is read under "
                    f"{severity.held_text(touch)}.",
                )
        for event in step.events("dml"):
            held = step.held(Lock.S)
            if event["from_query"] and held and not step.is_new(event.table):
                yield Hit(
                    severity=Severity.CAREFUL,
                    table=event.table,
                    message=f"{self.title}: INSERT from a query while "
                    f"{', '.join(sorted(held))} is locked.",
                )


RULE = DmlInDdlTx()
