"""One transaction takes blocking locks on several tables."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class MultiTableAx(StatementRule):
    id = "multi-table-ax"
    title = "One transaction takes blocking locks on several tables"
    problem = (
        "Application and migration may take them in different orders and deadlock; "
        "and every lock is held until the last is there."
    )
    remedy = "# One existing table a migration."
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"

    def check(self, step: Step) -> Iterator[Hit]:
        held = step.held(Lock.SRX)
        more = step.locked(Lock.SRX) - step.effect.held.keys()
        tables = {n for n in held | more if not step.world.is_index(n)}
        before = {n for n in held if not step.world.is_index(n)}
        hardest = max(
            (*step.effect.held.values(), *step.effect.locks.values()), default=0
        )
        exclusive = hardest == Lock.AX
        # Said once, not at each further table.
        if exclusive and len(before) == 1 and len(tables) > 1:
            table = min(more)
            yield Hit(
                severity=severity.of_table(step, table, Severity.CAREFUL),
                table=table,
                message=f"{self.title}: {', '.join(sorted(tables))}.",
            )


RULE = MultiTableAx()
