"""This lock_timeout has no effect, or overrides the runner's."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class LockTimeoutIneffective(EventRule):
    id = "lock-timeout-ineffective"
    title = "This lock_timeout has no effect, or overrides the runner's"
    problem = (
        "lock_timeout = 0 means no limit; SET LOCAL outside of a transaction does "
        "nothing; one that is set after the lock was taken comes too late; a very "
        "long one is none. safe_migrate sets its own before each statement and reads "
        "it back."
    )
    remedy = """\
# Leave it out: safe_migrate sets lock_timeout for every statement by its class.
"""
    source = "https://www.postgresql.org/docs/current/runtime-config-client.html"
    kinds = ("set",)

    _LONG = 30  # seconds for which nobody wants to queue

    def applies(self, event: Event, step: Step) -> bool:
        if event.name != "lock_timeout":
            return False
        outside = event["local"] and not step.effect.in_transaction
        late = bool(step.held(Lock.S))
        return outside or late or not 0 < _seconds(event["value"]) <= self._LONG

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.CAREFUL


RULE = LockTimeoutIneffective()


_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: str) -> float:
    """Read a setting such as 500, 2s or 1min; without a unit it is milliseconds."""
    number = value.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = value[len(number) :].strip() or "ms"
    return float(number or 0) * _UNITS.get(unit, 0.001)
