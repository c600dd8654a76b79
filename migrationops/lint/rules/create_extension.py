"""CREATE EXTENSION needs a right, and the extension."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class CreateExtension(EventRule):
    id = "create-extension"
    title = "CREATE EXTENSION needs a right, and the extension"
    problem = (
        "The migrating role may lack the right, and the extension may not be "
        "installed on the target server."
    )
    remedy = """\
SELECT * FROM pg_available_extensions WHERE name = 'hstore';  -- on the target, before
"""
    source = "https://www.postgresql.org/docs/current/sql-createextension.html"
    kinds = ("create_extension",)

    def applies(self, event: Event, step: Step) -> bool:
        return True

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = CreateExtension()
