"""Running code still knows the table."""

from __future__ import annotations

from migrationops.lint.rule import DeployRule


class DropTable(DeployRule):
    id = "drop-table"
    title = "Running code still knows the table"
    problem = (
        "Instances of the old release fail until they are replaced. The data is gone."
    )
    remedy = """\
from migrationops.operations import DeleteModel, DropTable

DeleteModel("Order")  # this release: out of the code; the table stays
# next release, named 00NN_contract_...:
DropTable(migrations.CreateModel("Order", [...]))
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/"
    kinds = ("drop_table",)


RULE = DropTable()
