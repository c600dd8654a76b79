"""A view or rule depends on the column."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class ViewDependency(EventRule):
    id = "view-dependency"
    title = "A view or rule depends on the column"
    problem = (
        "PostgreSQL refuses to change the type of a column that a view, a generated "
        "column, a policy or a trigger uses (0A000), and to drop it without CASCADE "
        "(2BP01)."
    )
    remedy = """\
# In one migration: drop the view, change the column, create the view again.
migrations.RunSQL("DROP VIEW open_orders"),
migrations.AlterField(...),
migrations.RunSQL("CREATE VIEW open_orders AS ..."),
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("dependency",)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.DANGEROUS

    def message(self, event: Event, step: Step) -> str:
        return f"{self.title}: {event['dependent']} uses {event.table}.{event.name}."


RULE = ViewDependency()
