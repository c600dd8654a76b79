"""SET LOGGED and SET UNLOGGED rewrite the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class SetLoggedUnlogged(WorkRule):
    id = "set-logged-unlogged"
    title = "SET LOGGED and SET UNLOGGED rewrite the table"
    problem = (
        "The table is written anew behind ACCESS EXCLUSIVE. An unlogged table is "
        "emptied by a crash and is absent on replicas."
    )
    remedy = "# Make another table, fill it in batches, and let the code move to it."
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("set-logged-unlogged",)


RULE = SetLoggedUnlogged()
