"""RunPython works through a whole table at once."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import python
from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, OperationRule
from migrationops.lint.units import OperationUnit


class RunpythonUnbatched(OperationRule):
    id = "runpython-unbatched"
    title = "RunPython works through a whole table at once"
    problem = (
        "objects.all() in a loop or one update() over everything: a long transaction, "
        "all rows in memory, locks until the end. In an atomic migration it also "
        "keeps the locks of the schema changes before it."
    )
    remedy = """\
Backfill("order", {"state": Value("new")}, Q(state=None))  # atomic = False
# or, by hand: .iterator(chunk_size=2000) and bulk_update in batches, atomic = False
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/#runpython"

    def check_operation(self, unit: OperationUnit) -> Iterator[Hit]:
        for call in python.whole_table_calls(unit.operation):
            yield Hit(severity=Severity.CAREFUL, message=f"{self.title}: {call}.")


RULE = RunpythonUnbatched()
