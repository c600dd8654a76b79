"""Drops a whole database, schema or role's property."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DropDatabaseSchema(EventRule):
    id = "drop-database-schema"
    title = "Drops a whole database, schema or role's property"
    problem = "Everything in it is gone."
    remedy = "# Never in a migration: by hand, after a proven backup."
    source = "https://www.postgresql.org/docs/current/sql-dropschema.html"
    kinds = ("drop_object", "drop_database", "opaque")

    def applies(self, event: Event, step: Step) -> bool:
        owned = event.kind == "opaque" and "DROP OWNED" in event.name
        return event["what"] == "schema" or event.kind == "drop_database" or owned

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.DANGEROUS


RULE = DropDatabaseSchema()
