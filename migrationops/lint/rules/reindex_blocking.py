"""REINDEX blocks writers, and readers that plan the index."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule
from migrationops.lint.simulation.effects import Touch
from migrationops.lint.units import Step


class ReindexBlocking(WorkRule):
    id = "reindex-blocking"
    title = "REINDEX blocks writers, and readers that plan the index"
    problem = "SHARE on the table and ACCESS EXCLUSIVE on the index, until it is built."
    remedy = """\
migrations.RunSQL("REINDEX INDEX CONCURRENTLY order_day")  # atomic = False
"""
    source = "https://www.postgresql.org/docs/current/sql-reindex.html"
    causes = ("reindex-blocking",)

    def applies(self, touch: Touch, step: Step) -> bool:
        tables = {event.table for event in step.events("reindex")}
        return touch.table in tables and super().applies(touch, step)


RULE = ReindexBlocking()
