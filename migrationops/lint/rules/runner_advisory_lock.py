"""Waiting in pg_advisory_lock() deadlocks with CREATE INDEX CONCURRENTLY."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class RunnerAdvisoryLock(EventRule):
    id = "runner-advisory-lock"
    title = "Waiting in pg_advisory_lock() deadlocks with CREATE INDEX CONCURRENTLY"
    problem = "The one who waits holds a snapshot that the other one waits for: 40P01."
    remedy = """\
SELECT pg_try_advisory_lock(...);  -- polled, on an autocommit connection
"""
    source = (
        "https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-"
        "ADVISORY-LOCKS"
    )
    kinds = ("advisory_lock",)

    def applies(self, event: Event, step: Step) -> bool:
        return True

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = RunnerAdvisoryLock()
