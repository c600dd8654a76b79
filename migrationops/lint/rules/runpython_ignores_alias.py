"""RunPython does not say which database."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import python
from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, OperationRule
from migrationops.lint.units import OperationUnit


class RunpythonIgnoresAlias(OperationRule):
    id = "runpython-ignores-alias"
    title = "RunPython does not say which database"
    problem = (
        "Without .using(schema_editor.connection.alias) the queries go to the default "
        "alias, also when another database is migrated: a rehearsal on a second alias "
        "would write to the live one."
    )
    remedy = """\
def forwards(apps, schema_editor):
    alias = schema_editor.connection.alias
    apps.get_model("shop", "Order").objects.using(alias).filter(...).update(...)
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/#runpython"

    def check_operation(self, unit: OperationUnit) -> Iterator[Hit]:
        if python.ignores_alias(unit.operation):
            yield Hit(severity=Severity.CAREFUL, message=f"{self.title}.")


RULE = RunpythonIgnoresAlias()
