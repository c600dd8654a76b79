"""RunPython runs under the locks of earlier operations."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint.finding import Severity
from migrationops.lint.python import is_python
from migrationops.lint.rule import Hit, MigrationRule
from migrationops.lint.units import MigrationUnit
from migrationops.postgres.table_locks import Lock


class RunpythonAfterDdl(MigrationRule):
    id = "runpython-after-ddl"
    title = "RunPython runs under the locks of earlier operations"
    problem = (
        "In an atomic migration the schema changes before it keep their locks until "
        "the Python is done."
    )
    remedy = """\
# Two migrations: the schema in one, the data in the next one, atomic = False.
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/#runpython"

    def check_migration(self, unit: MigrationUnit) -> Iterator[Hit]:
        if not unit.migration.atomic:
            return
        locked: set[str] = set()
        for operation in unit.operations:
            if is_python(operation.operation) and locked:
                yield Hit(
                    severity=Severity.CAREFUL,
                    table=min(locked),
                    message=f"{self.title}: {', '.join(sorted(locked))} stay locked.",
                )
                return
            for step in operation.steps:
                locked |= {n for n in step.locked(Lock.S) if step.rows(n) != 0}


RULE = RunpythonAfterDdl()
