"""Cannot run inside a transaction."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class ConcurrentlyInTx(EventRule):
    id = "concurrently-in-tx"
    title = "Cannot run inside a transaction"
    problem = (
        "CREATE, DROP and REINDEX INDEX CONCURRENTLY, DETACH ... CONCURRENTLY, "
        "VACUUM, ALTER SYSTEM and CREATE DATABASE fail with 25001 in an atomic "
        "migration."
    )
    remedy = """\
class Migration(migrations.Migration):
    atomic = False
"""
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    kinds = ("concurrently_in_transaction",)

    def applies(self, event: Event, step: Step) -> bool:
        return True

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.DANGEROUS


RULE = ConcurrentlyInTx()
