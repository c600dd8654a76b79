"""Fails where there are duplicates."""

from __future__ import annotations

from migrationops.lint import preflight
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class UniqueOverDuplicates(EventRule):
    id = "unique-over-duplicates"
    title = "Fails where there are duplicates"
    problem = (
        "A unique index over duplicate rows fails with 23505, and CONCURRENTLY leaves "
        "an INVALID index behind."
    )
    remedy = """\
# Count first, in a preflight:
SELECT number, count(*) FROM shop_order GROUP BY number HAVING count(*) > 1;
"""
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    kinds = ("create_index", "add_constraint")

    def applies(self, event: Event, step: Step) -> bool:
        if event.kind == "create_index":
            unique = event["unique"] and not event["exists"]
        else:
            unique = event["contype"] in {"p", "u"} and not event["using_index"]
            unique = unique and not event["inline"]
        return unique and super().applies(event, step)

    def remedy_for(self, event: Event, step: Step) -> str:
        if event.kind == "create_index":
            return preflight.duplicates(event.table, event["columns"])
        return preflight.duplicates(event.table, event["constraint"].columns)


RULE = UniqueOverDuplicates()
