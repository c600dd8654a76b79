"""PRIMARY KEY USING INDEX on a nullable column reads the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class PkUsingIndexNullable(WorkRule):
    id = "pk-using-index-nullable"
    title = "PRIMARY KEY USING INDEX on a nullable column reads the table"
    problem = (
        "The implied SET NOT NULL reads every row behind ACCESS EXCLUSIVE, unless a "
        "validated CHECK proves it."
    )
    remedy = """\
from migrationops.operations import SetNotNull

# Adds a NOT VALID check, validates it, sets NOT NULL, drops the check:
# each a statement of its own; atomic = False.
SetNotNull("order", "number", models.ForeignKey("Customer", models.PROTECT))
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("pk-using-index-nullable",)


RULE = PkUsingIndexNullable()
