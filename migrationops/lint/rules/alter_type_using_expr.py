"""USING rewrites the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AlterTypeUsingExpr(WorkRule):
    id = "alter-type-using-expr"
    title = "USING rewrites the table"
    problem = (
        "With USING and anything but the bare column every row is computed and "
        "written anew, even when the type stays the same."
    )
    remedy = """\
from migrationops.operations import ChangeTypeBackfill, ChangeTypeContract
from migrationops.operations import ChangeTypeExpand

field = models.BigIntegerField()
# expand: a second column, kept in step by a trigger
ChangeTypeExpand("order", "amount", field)
# backfill, in batches, atomic = False
ChangeTypeBackfill("order", "amount", field)
# contract: the columns change places
ChangeTypeContract("order", "amount", field)
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("alter-type-using-expr",)


RULE = AlterTypeUsingExpr()
