"""Fails where there are NULLs."""

from __future__ import annotations

from migrationops.lint import preflight
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class NotNullOverNulls(EventRule):
    id = "not-null-over-nulls"
    title = "Fails where there are NULLs"
    problem = (
        "SET NOT NULL over NULLs fails with 23502, after having read the table behind "
        "its lock."
    )
    remedy = """\
# Count first, in a preflight, and fill them with a Backfill:
SELECT count(*) FROM shop_order WHERE customer_id IS NULL;
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("set_not_null",)

    def applies(self, event: Event, step: Step) -> bool:
        scanned = any(t.cause.startswith("set-not-null") for t in step.effect.touches)
        return scanned and super().applies(event, step)

    def remedy_for(self, event: Event, step: Step) -> str:
        return preflight.nulls(event.table, event.name)


RULE = NotNullOverNulls()
