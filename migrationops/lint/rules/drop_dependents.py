"""Drops what others may depend on."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DropDependents(EventRule):
    id = "drop-dependents"
    title = "Drops what others may depend on"
    problem = (
        "CASCADE takes views, foreign keys, defaults and triggers along without a "
        "word; a dropped view, function, type or sequence is missed by whoever uses "
        "it."
    )
    remedy = """\
# Drop what depends on it explicitly, first, each in a statement of its own; no CASCADE.
"""
    source = "https://www.postgresql.org/docs/current/ddl-depend.html"
    kinds = (
        "drop_object",
        "drop_view",
        "drop_column",
        "drop_table",
        "drop_constraint",
    )

    def applies(self, event: Event, step: Step) -> bool:
        whole = event.kind in {"drop_object", "drop_view"}
        schema = event["what"] == "schema"
        # Django drops columns and tables with CASCADE where nothing hangs on them.
        hanging = event["dependents"] or event.kind == "drop_constraint"
        taken = event["cascade"] and hanging
        return not schema and bool(whole or taken) and super().applies(event, step)

    def severity(self, event: Event, step: Step) -> Severity:
        found = event["dependents"]
        return Severity.DANGEROUS if event["cascade"] and found else Severity.CAREFUL


RULE = DropDependents()
