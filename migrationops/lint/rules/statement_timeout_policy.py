"""A statement_timeout may cancel this half way."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class StatementTimeoutPolicy(EventRule):
    id = "statement-timeout-policy"
    title = "A statement_timeout may cancel this half way"
    problem = (
        "CREATE INDEX CONCURRENTLY that is cancelled leaves an INVALID index; a "
        "VALIDATE starts again from nothing. Short limits belong to blocking "
        "statements only."
    )
    remedy = """\
# Leave statement_timeout to safe_migrate, which sets it by the class of each statement.
"""
    source = "https://www.postgresql.org/docs/current/runtime-config-client.html"
    kinds = ("create_index", "validate", "reindex", "drop_index")

    def applies(self, event: Event, step: Step) -> bool:
        slow = event.kind == "validate" or event["concurrent"]
        return bool(slow) and step.effect.statement_timeout not in {"", "0"}

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = StatementTimeoutPolicy()
