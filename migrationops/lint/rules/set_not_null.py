"""SET NOT NULL reads the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class SetNotNull(WorkRule):
    id = "set-not-null"
    title = "SET NOT NULL reads the table"
    problem = (
        "Without a proof that no NULL is there, every row is read behind ACCESS "
        "EXCLUSIVE. A validated CHECK (column IS NOT NULL) is that proof."
    )
    remedy = """\
from migrationops.operations import SetNotNull

# Adds a NOT VALID check, validates it, sets NOT NULL, drops the check:
# each a statement of its own; atomic = False.
SetNotNull("order", "customer", models.ForeignKey("Customer", models.PROTECT))
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("set-not-null",)


RULE = SetNotNull()
