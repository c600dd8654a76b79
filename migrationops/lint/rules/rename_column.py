"""Old or new code fails at once when a column is renamed."""

from __future__ import annotations

from migrationops.lint.rule import DeployRule


class RenameColumn(DeployRule):
    id = "rename-column"
    title = "Old or new code fails at once when a column is renamed"
    problem = "For as long as both releases run, one of them does not find its column."
    remedy = """\
from migrationops.operations import RenameFieldBackfill, RenameFieldContract
from migrationops.operations import RenameFieldExpand

models.IntegerField(db_column="old_name")  # rename in Python only
# or both columns, kept in step, for as long as both releases run:
RenameFieldExpand("order", "sum", "total")
RenameFieldBackfill("order", "sum", "total")  # atomic = False
RenameFieldContract("order", "sum", "total")  # next release
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/"
    kinds = ("rename_column",)


RULE = RenameColumn()
