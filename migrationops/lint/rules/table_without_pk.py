"""A table without a primary key."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class TableWithoutPk(EventRule):
    id = "table-without-pk"
    title = "A table without a primary key"
    problem = "Logical replication, deduplication and most tools need one."
    remedy = "models.BigAutoField(primary_key=True)"
    source = (
        "https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-"
        "CONSTRAINTS-PRIMARY-KEYS"
    )
    design = True
    kinds = ("create_table",)

    def applies(self, event: Event, step: Step) -> bool:
        table = event["made"]
        return not table.partition_bound and not any(i.primary for i in table.indexes)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = TableWithoutPk()
