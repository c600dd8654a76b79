"""ACCESS EXCLUSIVE for a moment."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class AxMetadataDdl(EventRule):
    id = "ax-metadata-ddl"
    title = "ACCESS EXCLUSIVE for a moment"
    problem = (
        "Nothing is read or written, but the lock must be had: without lock_timeout, "
        "or in a long transaction, everybody queues behind it."
    )
    remedy = """\
# Nothing, under safe_migrate: a short lock_timeout and retries are set for it.
"""
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"
    kinds = (
        "set_default",
        "drop_default",
        "drop_not_null",
        "rename_column",
        "rename_table",
        "rename_constraint",
        "rename_on_table",
        "set_schema",
        "change_owner",
        "row_security",
        "policy",
        "drop_policy",
        "create_rule",
        "drop_rule",
        "rule",
        "replica_identity",
        "set_storage",
        "drop_constraint",
        "drop_column",
        "add_column",
        "alter_type",
        "inherit",
        "create_view",
        "set_identity",
        "drop_expression",
    )

    def applies(self, event: Event, step: Step) -> bool:
        locked = event.table in step.locked(Lock.AX)
        return locked and not any(t.blocks for t in step.effect.touches)

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = AxMetadataDdl()
