"""SET NOT NULL validates a NOT VALID not-null constraint."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class SetNotNullOnNotvalidNotNull(WorkRule):
    id = "set-not-null-on-notvalid-not-null"
    title = "SET NOT NULL validates a NOT VALID not-null constraint"
    problem = (
        "PostgreSQL 18 validates the waiting constraint behind ACCESS EXCLUSIVE. "
        "VALIDATE CONSTRAINT does the same behind SHARE UPDATE EXCLUSIVE, while "
        "others write."
    )
    remedy = """\
migrations.RunSQL("ALTER TABLE shop_order VALIDATE CONSTRAINT order_customer_not_null")
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("set-not-null-on-notvalid-not-null",)


RULE = SetNotNullOnNotvalidNotNull()
