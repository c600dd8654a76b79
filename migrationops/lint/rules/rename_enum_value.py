"""Running code writes the old enum value."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class RenameEnumValue(EventRule):
    id = "rename-enum-value"
    title = "Running code writes the old enum value"
    problem = "It fails with 22P02 from the moment of the rename."
    remedy = """\
# Add the new value, move the rows with a Backfill, leave the old value where it is.
"""
    source = "https://www.postgresql.org/docs/current/sql-altertype.html"
    kinds = ("rename_enum_value",)

    def applies(self, event: Event, step: Step) -> bool:
        return True

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.DANGEROUS


RULE = RenameEnumValue()
