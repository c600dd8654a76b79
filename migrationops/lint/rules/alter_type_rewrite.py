"""This change of type rewrites the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AlterTypeRewrite(WorkRule):
    id = "alter-type-rewrite"
    title = "This change of type rewrites the table"
    problem = (
        "The new type is stored differently (int to bigint, text to varchar(n), a "
        "narrower length, another numeric scale), so every row and every index is "
        "written anew while nobody can read or write the table. Free are: a longer "
        "varchar, varchar to text, a higher numeric precision at the same scale, a "
        "finer time precision, cidr to inet, a longer bit varying, a domain without "
        "constraints, and timestamp to timestamptz while the session's time zone is "
        "UTC."
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
    causes = ("alter-type-rewrite",)


RULE = AlterTypeRewrite()
