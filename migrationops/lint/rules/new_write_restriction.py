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
        if step.fills_nothing_old(event.table, self._columns(event)):
            return False  # no running code writes a column of this very migration
        taken_over = event["using_index"] or event["inline"] or event["refused"]
        return not taken_over and super().applies(event, step)

    def _columns(self, event: Event) -> tuple[str, ...]:
        if event.kind == "add_constraint":
            return tuple(event["constraint"].columns)
        return event["columns"] or (event.name,)


RULE = NewWriteRestriction()
