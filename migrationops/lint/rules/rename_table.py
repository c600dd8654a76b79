"""Old or new code fails at once when a table is renamed or moved."""

from __future__ import annotations

from migrationops.lint.rule import DeployRule


class RenameTable(DeployRule):
    id = "rename-table"
    title = "Old or new code fails at once when a table is renamed or moved"
    problem = "For as long as both releases run, one of them does not find its table."
    remedy = """\
class Meta:
    db_table = "shop_order"  # rename the model, keep the table
# or, in the same migration, an updatable view under the old name
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/"
    kinds = ("rename_table", "set_schema", "rename_schema")


RULE = RenameTable()
