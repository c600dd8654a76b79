"""A long statement runs while an earlier one's lock is held."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class StatementAfterAx(StatementRule):
    id = "statement-after-ax"
    title = "A long statement runs while an earlier one's lock is held"
    problem = (
        "The transaction already keeps others from a table; every further statement "
        "prolongs that."
    )
    remedy = "# One blocking statement a migration, or the blocking one last."
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"

    def check(self, step: Step) -> Iterator[Hit]:
        held = step.held(Lock.SRX)
        if step.effect.failure:
            return
        for touch in step.effect.touches:
            if touch.new or touch.table in held or touch.rows == 0:
                continue
            for table in sorted(held):
                yield Hit(
                    severity=severity.of_table(step, table, severity.of_work(touch)),
                    table=table,
                    message=f"{self.title}: {touch.table} is worked on while {table} "
                    "is locked.",
                )


RULE = StatementAfterAx()
