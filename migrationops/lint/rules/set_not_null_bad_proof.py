"""SET NOT NULL cannot use this CHECK as its proof."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class SetNotNullBadProof(WorkRule):
    id = "set-not-null-bad-proof"
    title = "SET NOT NULL cannot use this CHECK as its proof"
    problem = (
        "PostgreSQL skips the scan only for a validated CHECK that says IS NOT NULL "
        "of this column, alone or in a conjunction. One that is NOT VALID, that "
        "compares (column > 0 lets NULL through) or that is an OR proves nothing."
    )
    remedy = """\
from migrationops.operations import SetNotNull

# Adds a NOT VALID check, validates it, sets NOT NULL, drops the check:
# each a statement of its own; atomic = False.
SetNotNull("order", "customer", models.ForeignKey("Customer", models.PROTECT))
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("set-not-null-bad-proof",)


RULE = SetNotNullBadProof()
