"""Adding a foreign key reads both tables."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddFkValid(WorkRule):
    id = "add-fk-valid"
    title = "Adding a foreign key reads both tables"
    problem = (
        "Writers of both tables wait behind SHARE ROW EXCLUSIVE while every row is "
        "looked up."
    )
    remedy = """\
from migrationops.operations import AddForeignKey

# Adds it NOT VALID, and validates it in a statement of its own; atomic = False.
AddForeignKey("order", "customer", models.ForeignKey("Customer", models.PROTECT))
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-fk-valid",)


RULE = AddFkValid()
