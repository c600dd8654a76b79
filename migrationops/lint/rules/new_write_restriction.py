"""Running code may write what is now forbidden."""

from __future__ import annotations

from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class NewWriteRestriction(EventRule):
    id = "new-write-restriction"
    title = "Running code may write what is now forbidden"
    problem = (
        "A new UNIQUE, CHECK, FOREIGN KEY, EXCLUDE or NOT NULL rejects what the old "
        "release still writes, even when nothing is scanned."
    )
    remedy = """\
# First the release that writes correctly everywhere, then the constraint.
"""
    source = "https://www.postgresql.org/docs/current/ddl-constraints.html"
    kinds = ("add_constraint", "create_index", "set_not_null")

    def applies(self, event: Event, step: Step) -> bool:
        if event.kind == "create_index" and (not event["unique"] or event["exists"]):
            return False
        if (event.table, event.name) in self._promised(step) or event["inline"]:
            return False
        return not event["using_index"] and super().applies(event, step)

    def _promised(self, step: Step) -> set[tuple[str, str]]:
        """Columns of this very migration: no running code writes them."""
        return {(e.table, e.name) for e in step.earlier("add_column")}


RULE = NewWriteRestriction()
