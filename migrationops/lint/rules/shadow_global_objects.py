"""Changes what all databases of the server share."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class ShadowGlobalObjects(EventRule):
    id = "shadow-global-objects"
    title = "Changes what all databases of the server share"
    problem = (
        "Roles, tablespaces, databases and ALTER SYSTEM are not part of one database: "
        "a rehearsal on the same server collides with them or changes production."
    )
    remedy = "# Outside of migrations, by whoever runs the server."
    source = "https://www.postgresql.org/docs/current/managing-databases.html"
    kinds = (
        "global_object",
        "create_tablespace",
        "drop_tablespace",
        "create_database",
        "alter_system",
    )

    def applies(self, event: Event, step: Step) -> bool:
        return True

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = ShadowGlobalObjects()
