"""The same ALTER TABLE drops the proof of its SET NOT NULL."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class SetNotNullDropsItsProof(WorkRule):
    id = "set-not-null-drops-its-proof"
    title = "The same ALTER TABLE drops the proof of its SET NOT NULL"
    problem = (
        "PostgreSQL drops constraints first and looks for the proof afterwards, "
        "whatever their order in the text: every row is read behind ACCESS EXCLUSIVE."
    )
    remedy = """\
migrations.RunSQL("ALTER TABLE shop_order ALTER COLUMN customer_id SET NOT NULL"),
migrations.RunSQL("ALTER TABLE shop_order DROP CONSTRAINT order_customer_not_null"),
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("set-not-null-drops-its-proof",)


RULE = SetNotNullDropsItsProof()
