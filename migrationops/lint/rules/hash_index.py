"""A hash index."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class HashIndex(EventRule):
    id = "hash-index"
    title = "A hash index"
    problem = "It serves equality only and is rarely better than a b-tree."
    remedy = "models.Index(fields=[...])"
    source = "https://www.postgresql.org/docs/current/indexes-types.html"
    design = True
    kinds = ("create_index",)

    def applies(self, event: Event, step: Step) -> bool:
        return bool(event["method"] == "hash")

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = HashIndex()
