"""A new enum value is used in the transaction that added it."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class EnumValueUsedSameTx(EventRule):
    id = "enum-value-used-same-tx"
    title = "A new enum value is used in the transaction that added it"
    problem = "PostgreSQL refuses that with 55P04."
    remedy = """\
# Two migrations: ALTER TYPE ... ADD VALUE in one, its first use in the next.
"""
    source = "https://www.postgresql.org/docs/current/sql-altertype.html"
    kinds = ("enum_value_used",)

    def applies(self, event: Event, step: Step) -> bool:
        return True

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.DANGEROUS


RULE = EnumValueUsedSameTx()
