"""A stored generated column rewrites the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddColumnGeneratedStored(WorkRule):
    id = "add-column-generated-stored"
    title = "A stored generated column rewrites the table"
    problem = (
        "GENERATED ALWAYS AS (...) STORED is computed for every row behind ACCESS "
        "EXCLUSIVE."
    )
    remedy = """\
# PostgreSQL 18: computed when read, free to add
models.GeneratedField(expression=F("price") * F("count"), db_persist=False, ...)
# before 18: a plain column, kept by a trigger, and a Backfill
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-column-generated-stored",)


RULE = AddColumnGeneratedStored()
