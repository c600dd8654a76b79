"""A blocking lock is asked for without lock_timeout."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class LockWithoutTimeout(StatementRule):
    id = "lock-without-timeout"
    title = "A blocking lock is asked for without lock_timeout"
    problem = (
        "While the statement waits for its lock, everybody who comes later waits "
        "behind it: even plain SELECTs. In a script that is run by hand nobody sets a "
        "limit; safe_migrate does."
    )
    remedy = """\
SET lock_timeout = '2s';  -- before the statement, and try again when it fails
"""
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"

    def check(self, step: Step) -> Iterator[Hit]:
        blocking = step.locked(Lock.S)
        waits = {n for n in blocking if n not in step.effect.held}
        if step.script and waits and step.effect.lock_timeout in {"", "0"}:
            table = min(waits)
            yield Hit(
                severity=severity.of_table(step, table, Severity.CAREFUL),
                table=table,
                message=f"{self.title}: {step.effect.locks[table].title} on {table}.",
            )


RULE = LockWithoutTimeout()
