"""The command copies the whole table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class TableRewriteCommand(WorkRule):
    id = "table-rewrite-command"
    title = "The command copies the whole table"
    problem = (
        "VACUUM FULL, CLUSTER, SET TABLESPACE and SET ACCESS METHOD write the table "
        "anew behind ACCESS EXCLUSIVE."
    )
    remedy = """\
# Not in a migration: pg_repack or pg_squeeze copy a table while it is in use.
"""
    source = "https://www.postgresql.org/docs/current/sql-vacuum.html"
    causes = ("table-rewrite-command",)


RULE = TableRewriteCommand()
