"""LOCK TABLE."""

from __future__ import annotations

from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class ExplicitLockTable(EventRule):
    id = "explicit-lock-table"
    title = "LOCK TABLE"
    problem = (
        "Without a mode it is ACCESS EXCLUSIVE, held to the end of the transaction."
    )
    remedy = """\
migrations.RunSQL("LOCK TABLE shop_order IN SHARE ROW EXCLUSIVE MODE NOWAIT")
"""
    source = "https://www.postgresql.org/docs/current/sql-lock.html"
    kinds = ("lock_table",)

    def applies(self, event: Event, step: Step) -> bool:
        return event["mode"].blocks_writes and super().applies(event, step)

    def message(self, event: Event, step: Step) -> str:
        return f"{event.table} is locked in {event['mode'].title} to the end."


RULE = ExplicitLockTable()
