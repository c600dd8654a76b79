"""What this does cannot be known without running it."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import python
from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, OperationRule, StatementRule
from migrationops.lint.units import OperationUnit, Step


class UnanalysableSql(OperationRule, StatementRule):
    id = "unanalysable-sql"
    title = "What this does cannot be known without running it"
    problem = (
        "EXECUTE of a text that is put together, procedures, functions of your own, "
        "SQL that the grammar refuses, Python that executes SQL, operations that ask "
        "a database by themselves, which lint lets reach none: reading them tells "
        "nothing. They are not safe; they are unknown."
    )
    remedy = """\
# Rehearse it: manage.py rehearse measures what it does. Or write the SQL out.
"""
    source = "https://www.postgresql.org/docs/current/sql-do.html"

    def check(self, step: Step) -> Iterator[Hit]:
        for reason in step.effect.unknown:
            parsed = bool(step.effect.kind)
            yield Hit(
                severity=Severity.CAREFUL if parsed else Severity.DANGEROUS,
                message=f"{self.title}: {reason}.",
            )

    def check_operation(self, unit: OperationUnit) -> Iterator[Hit]:
        if unit.problem:
            yield Hit(
                severity=Severity.CAREFUL, message=f"{self.title}: {unit.problem}"
            )
        elif python.executes_sql(unit.operation):
            message = f"{self.title}: Python that executes SQL."
            yield Hit(severity=Severity.CAREFUL, message=message)


RULE = UnanalysableSql()
