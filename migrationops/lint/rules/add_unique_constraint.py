"""Adding UNIQUE builds an index behind ACCESS EXCLUSIVE."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddUniqueConstraint(WorkRule):
    id = "add-unique-constraint"
    title = "Adding UNIQUE builds an index behind ACCESS EXCLUSIVE"
    problem = "Nobody can read or write the table while its index is built."
    remedy = """\
from migrationops.operations import AddUnique

# Builds the index concurrently, then takes it over; atomic = False.
unique = models.UniqueConstraint(fields=["number"], name="order_number")
AddUnique("order", unique)
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-unique-constraint",)


RULE = AddUniqueConstraint()
