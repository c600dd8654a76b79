"""Adding EXCLUDE builds an index behind ACCESS EXCLUSIVE."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddExclusion(WorkRule):
    id = "add-exclusion"
    title = "Adding EXCLUDE builds an index behind ACCESS EXCLUSIVE"
    problem = (
        "There is no concurrent way: nobody can use the table while its index is built."
    )
    remedy = """\
# A new table with the constraint, filled in batches; or a maintenance window.
"""
    source = "https://www.postgresql.org/docs/current/sql-createtable.html"
    causes = ("add-exclusion",)


RULE = AddExclusion()
