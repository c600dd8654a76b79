"""Adding a CHECK reads the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddCheckValid(WorkRule):
    id = "add-check-valid"
    title = "Adding a CHECK reads the table"
    problem = "Every row is checked behind ACCESS EXCLUSIVE."
    remedy = """\
from migrationops.operations import AddCheck

# NOT VALID first, then VALIDATE in a statement of its own; atomic = False.
check = models.CheckConstraint(condition=Q(total__gte=0), name="order_total")
AddCheck("order", check)
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/contrib/postgres/operations/"
    causes = ("add-check-valid",)


RULE = AddCheckValid()
