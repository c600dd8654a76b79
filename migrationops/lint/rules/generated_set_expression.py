"""A new expression of a stored generated column rewrites the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class GeneratedSetExpression(WorkRule):
    id = "generated-set-expression"
    title = "A new expression of a stored generated column rewrites the table"
    problem = (
        "ALTER COLUMN ... SET EXPRESSION computes a STORED column again for every row."
    )
    remedy = """\
# Add a second generated or plain column with the new expression, fill it in batches,
# let the code read that one, and drop the old one in a contract migration.
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("generated-set-expression",)


RULE = GeneratedSetExpression()
