"""CREATE TABLE ... PARTITION OF locks the whole partitioned table."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class CreatePartitionOf(EventRule):
    id = "create-partition-of"
    title = "CREATE TABLE ... PARTITION OF locks the whole partitioned table"
    problem = (
        "ACCESS EXCLUSIVE on the parent, and on DEFAULT, whose rows are read too. "
        "ATTACH PARTITION takes only SHARE UPDATE EXCLUSIVE on the parent."
    )
    remedy = """\
CREATE TABLE orders_2027 (LIKE orders INCLUDING ALL);
ALTER TABLE orders ATTACH PARTITION orders_2027
    FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
"""
    source = "https://www.postgresql.org/docs/current/ddl-partitioning.html"
    kinds = ("create_partition",)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = CreatePartitionOf()
