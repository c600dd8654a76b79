"""SHARE UPDATE EXCLUSIVE: nobody who reads or writes waits."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class SuxDdl(EventRule):
    id = "sux-ddl"
    title = "SHARE UPDATE EXCLUSIVE: nobody who reads or writes waits"
    problem = (
        "It conflicts with VACUUM and with other statements of its kind; an "
        "autovacuum against wraparound does not give way."
    )
    remedy = "# Nothing, under safe_migrate."
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"
    kinds = (
        "validate",
        "comment",
        "set_statistics",
        "set_reloptions",
        "analyze",
        "vacuum",
        "create_statistics",
        "cluster_on",
        "rename_index",
        "publication",
        "attach_partition",
    )

    def applies(self, event: Event, step: Step) -> bool:
        mode = step.effect.locks.get(event.table)
        return mode is Lock.SUX

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = SuxDdl()
