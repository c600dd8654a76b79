"""Fails where rows violate the CHECK."""

from __future__ import annotations

from migrationops.lint import preflight
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class CheckOverViolations(EventRule):
    id = "check-over-violations"
    title = "Fails where rows violate the CHECK"
    problem = "Adding or validating a CHECK over violating rows fails with 23514."
    remedy = """\
# Count first, in a preflight:
SELECT count(*) FROM shop_order WHERE NOT (total >= 0);
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("add_constraint", "validate")

    def applies(self, event: Event, step: Step) -> bool:
        constraint = event["constraint"]
        if constraint is None or constraint.kind != "c" or event["inline"]:
            return False
        if step.fills_nothing_old(event.table, constraint.columns):
            return False
        checked = event.kind == "validate" or event["valid"]
        return checked and super().applies(event, step)

    def remedy_for(self, event: Event, step: Step) -> str:
        return preflight.violations(event.table, event["constraint"])


RULE = CheckOverViolations()
