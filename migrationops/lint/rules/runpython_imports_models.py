"""RunPython uses the real models, not the state's."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import python
from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, OperationRule
from migrationops.lint.units import OperationUnit


class RunpythonImportsModels(OperationRule):
    id = "runpython-imports-models"
    title = "RunPython uses the real models, not the state's"
    problem = (
        "The code imports a model of today; when the model changes, this old "
        "migration breaks, or writes to columns that do not exist yet."
    )
    remedy = """\
def forwards(apps, schema_editor):
    Order = apps.get_model("shop", "Order")
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/#runpython"

    def check_operation(self, unit: OperationUnit) -> Iterator[Hit]:
        for name in python.imported_models(unit.operation):
            yield Hit(severity=Severity.CAREFUL, message=f"{self.title}: {name}.")


RULE = RunpythonImportsModels()
