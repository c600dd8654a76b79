"""The change of type checks a constraint again."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AlterTypeRecheck(WorkRule):
    id = "alter-type-recheck"
    title = "The change of type checks a constraint again"
    problem = (
        "The change itself is free, but a CHECK names the column, so every row is "
        "read behind ACCESS EXCLUSIVE."
    )
    remedy = """\
migrations.RemoveConstraint("order", "order_code_check"),
migrations.AlterField("order", "code", models.CharField(max_length=40)),
AddConstraintNotValid("order", models.CheckConstraint(..., name="order_code_check")),
# next migration:
ValidateConstraint("order", name="order_code_check")
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("alter-type-recheck",)


RULE = AlterTypeRecheck()
