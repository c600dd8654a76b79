"""CONCURRENTLY corrupts indexes on PostgreSQL 14.0 to 14.3."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class CicCorruption14(EventRule):
    id = "cic-corruption-14"
    title = "CONCURRENTLY corrupts indexes on PostgreSQL 14.0 to 14.3"
    problem = "An index built concurrently there can silently miss rows."
    remedy = "# Upgrade to 14.4 or newer first; check old indexes with amcheck."
    source = "https://www.postgresql.org/docs/release/14.4/"
    kinds = ("create_index", "reindex")

    def applies(self, event: Event, step: Step) -> bool:
        return event["concurrent"] and 140000 <= step.world.facts.number < 140004

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.DANGEROUS


RULE = CicCorruption14()
