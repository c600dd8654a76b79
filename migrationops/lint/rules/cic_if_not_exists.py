"""IF NOT EXISTS keeps the INVALID index of a failed try."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class CicIfNotExists(EventRule):
    id = "cic-if-not-exists"
    title = "IF NOT EXISTS keeps the INVALID index of a failed try"
    problem = (
        "CREATE INDEX CONCURRENTLY that failed leaves its name taken; the next try "
        "does nothing and reports success."
    )
    remedy = """\
# AddIndexConcurrently, without IF NOT EXISTS: safe_migrate drops left-overs.
"""
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    kinds = ("create_index",)

    def applies(self, event: Event, step: Step) -> bool:
        return bool(event["concurrent"] and event["if_not_exists"])

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = CicIfNotExists()
