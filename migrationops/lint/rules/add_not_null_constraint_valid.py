"""ADD CONSTRAINT ... NOT NULL reads the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddNotNullConstraintValid(WorkRule):
    id = "add-not-null-constraint-valid"
    title = "ADD CONSTRAINT ... NOT NULL reads the table"
    problem = "Without NOT VALID every row is read behind ACCESS EXCLUSIVE."
    remedy = """\
migrations.RunSQL(
    "ALTER TABLE shop_order ADD CONSTRAINT customer_nn NOT NULL customer_id NOT VALID"
),
# next migration:
migrations.RunSQL("ALTER TABLE shop_order VALIDATE CONSTRAINT customer_nn"),
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-not-null-constraint-valid",)


RULE = AddNotNullConstraintValid()
