"""Running code still knows the column."""

from __future__ import annotations

from migrationops.lint.rule import DeployRule


class DropColumn(DeployRule):
    id = "drop-column"
    title = "Running code still knows the column"
    problem = (
        "Django names every column in SELECT and INSERT: instances of the old release "
        "fail until they are replaced. The data is gone."
    )
    remedy = """\
from migrationops.operations import DropColumn, RemoveField

RemoveField("order", "note")  # this release: out of the code; the column stays
# next release, named 00NN_contract_...:
DropColumn("order", "note", models.TextField(null=True))
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/"
    kinds = ("drop_column",)


RULE = DropColumn()
