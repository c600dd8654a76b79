"""A non-atomic migration has several operations."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint.finding import Severity
from migrationops.lint.python import is_python
from migrationops.lint.rule import Hit, MigrationRule
from migrationops.lint.units import MigrationUnit


class NonatomicHalfDone(MigrationRule):
    id = "nonatomic-half-done"
    title = "A non-atomic migration has several operations"
    problem = (
        "When one fails the ones before it stay done, and plain migrate cannot run it "
        "again."
    )
    remedy = """\
# One operation a non-atomic migration; safe_migrate resumes at the statement.
"""
    source = (
        "https://docs.djangoproject.com/en/5.2/howto/writing-migrations/#non-atomic-"
        "migrations"
    )

    def check_migration(self, unit: MigrationUnit) -> Iterator[Hit]:
        working = [o for o in unit.operations if o.steps or is_python(o.operation)]
        if not unit.migration.atomic and len(working) > 1:
            yield Hit(
                severity=Severity.CAREFUL,
                message=f"{self.title}: {len(working)} of them touch the database.",
            )


RULE = NonatomicHalfDone()
