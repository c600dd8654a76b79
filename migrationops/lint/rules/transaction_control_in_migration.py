"""The SQL begins or ends a transaction itself."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class TransactionControlInMigration(EventRule):
    id = "transaction-control-in-migration"
    title = "The SQL begins or ends a transaction itself"
    problem = (
        "BEGIN, COMMIT and ROLLBACK inside a migration end the runner's transaction: "
        "what came before is committed although the migration may still fail, and it "
        "cannot be resumed."
    )
    remedy = """\
# Leave them out; atomic = False where a migration must not be one transaction.
"""
    source = (
        "https://docs.djangoproject.com/en/5.2/howto/writing-migrations/#non-atomic-"
        "migrations"
    )
    kinds = ("transaction",)

    def applies(self, event: Event, step: Step) -> bool:
        ends = event.name in {"begin", "commit", "rollback", "prepare"}
        return ends and step.by == "RunSQL"

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.DANGEROUS


RULE = TransactionControlInMigration()
