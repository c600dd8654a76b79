"""Adding a PRIMARY KEY builds an index behind ACCESS EXCLUSIVE."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddPrimaryKey(WorkRule):
    id = "add-primary-key"
    title = "Adding a PRIMARY KEY builds an index behind ACCESS EXCLUSIVE"
    problem = (
        "The index is built, and every row is read for NULLs, while nobody can use "
        "the table."
    )
    remedy = """\
# atomic = False
migrations.RunSQL("CREATE UNIQUE INDEX CONCURRENTLY order_pk ON shop_order (id)"),
SetNotNull("shop.order", "id"),
migrations.RunSQL("ALTER TABLE shop_order ADD PRIMARY KEY USING INDEX order_pk"),
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-primary-key",)


RULE = AddPrimaryKey()
