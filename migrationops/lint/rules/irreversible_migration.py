"""There is no way back from this operation."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, OperationRule
from migrationops.lint.units import OperationUnit


class IrreversibleMigration(OperationRule):
    id = "irreversible-migration"
    title = "There is no way back from this operation"
    problem = (
        "A RunPython or RunSQL without its reverse cannot be unapplied: rollback ends "
        "here."
    )
    remedy = """\
migrations.RunPython(forwards, migrations.RunPython.noop)  # or a real reverse
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/"

    def check_operation(self, unit: OperationUnit) -> Iterator[Hit]:
        if not unit.operation.reversible:
            yield Hit(
                severity=Severity.CAREFUL,
                message=f"{self.title}: {unit.operation.describe()}.",
            )


RULE = IrreversibleMigration()
