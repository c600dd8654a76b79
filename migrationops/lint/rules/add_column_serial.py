"""A serial column rewrites the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddColumnSerial(WorkRule):
    id = "add-column-serial"
    title = "A serial column rewrites the table"
    problem = (
        "smallserial, serial and bigserial mean DEFAULT nextval(...), which is "
        "volatile: every row is written anew behind ACCESS EXCLUSIVE."
    )
    remedy = """\
# An own sequence and a nullable column; then Backfill and SetNotNull.
migrations.RunSQL("CREATE SEQUENCE order_number", "DROP SEQUENCE order_number"),
migrations.AddField("order", "number", models.BigIntegerField(null=True)),
migrations.RunSQL(
    "ALTER TABLE shop_order ALTER number SET DEFAULT nextval('order_number')",
    "ALTER TABLE shop_order ALTER number DROP DEFAULT",
),
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-column-serial",)


RULE = AddColumnSerial()
