"""Fails where rows refer to nothing."""

from __future__ import annotations

from migrationops.lint import preflight
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class FkOverOrphans(EventRule):
    id = "fk-over-orphans"
    title = "Fails where rows refer to nothing"
    problem = "A foreign key over orphans fails with 23503."
    remedy = """\
# Count first, in a preflight:
SELECT count(*) FROM shop_line l LEFT JOIN shop_order o ON o.id = l.order_id
WHERE l.order_id IS NOT NULL AND o.id IS NULL;
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("add_constraint", "validate")

    def applies(self, event: Event, step: Step) -> bool:
        constraint = event["constraint"]
        if constraint is None or constraint.kind != "f" or event["inline"]:
            return False
        if step.fills_nothing_old(event.table, constraint.columns):
            return False
        checked = event.kind == "validate" or event["valid"]
        return checked and super().applies(event, step)

    def remedy_for(self, event: Event, step: Step) -> str:
        key = event["constraint"]
        parent = step.world.find(key.references)
        return preflight.orphans(event.table, key, parent) if parent else ""


RULE = FkOverOrphans()
