"""A new column with a CHECK reads the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddColumnInlineCheck(WorkRule):
    id = "add-column-inline-check"
    title = "A new column with a CHECK reads the table"
    problem = (
        "The constraint is checked for every old row behind ACCESS EXCLUSIVE. "
        "PositiveIntegerField and its relatives bring such a CHECK along."
    )
    remedy = """\
migrations.AddField("order", "count", models.IntegerField(null=True)),
# next migration, atomic = False:
check = models.CheckConstraint(condition=Q(count__gte=0), name="order_count")
AddCheck("order", check)
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-column-inline-check",)


RULE = AddColumnInlineCheck()
