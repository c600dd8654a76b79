"""Taking a partition away locks the whole partitioned table."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DetachPartition(EventRule):
    id = "detach-partition"
    title = "Taking a partition away locks the whole partitioned table"
    problem = (
        "DETACH PARTITION and DROP TABLE of a partition take ACCESS EXCLUSIVE on the "
        "parent, the partition and DEFAULT."
    )
    remedy = """\
# atomic = False; not possible while there is a DEFAULT partition
migrations.RunSQL("ALTER TABLE orders DETACH PARTITION orders_2019 CONCURRENTLY"),
migrations.RunSQL("DROP TABLE orders_2019"),
"""
    source = "https://www.postgresql.org/docs/current/ddl-partitioning.html"
    kinds = ("detach_partition", "drop_table")

    def applies(self, event: Event, step: Step) -> bool:
        detached = event.kind == "detach_partition" and not event["concurrent"]
        return (detached or bool(event["partition"])) and not step.is_new(event.table)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = DetachPartition()
