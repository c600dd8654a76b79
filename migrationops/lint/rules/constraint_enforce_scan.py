"""ENFORCED checks the foreign key behind ACCESS EXCLUSIVE."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class ConstraintEnforceScan(WorkRule):
    id = "constraint-enforce-scan"
    title = "ENFORCED checks the foreign key behind ACCESS EXCLUSIVE"
    problem = (
        "PostgreSQL 18 reads both tables while nobody can use the first and nobody "
        "can write the second."
    )
    remedy = """\
# Drop it and add it again with AddForeignKey, which validates without blocking.
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("constraint-enforce-scan",)


RULE = ConstraintEnforceScan()
