"""Django's second index for LIKE."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class RedundantLikeIndex(EventRule):
    id = "redundant-like-index"
    title = "Django's second index for LIKE"
    problem = (
        "db_index or unique on a CharField or TextField makes an extra *_like index: "
        "a hidden second build in the same operation."
    )
    remedy = """\
models.Index(fields=["code"], name="order_code")  # in Meta, instead of db_index=True
"""
    source = (
        "https://docs.djangoproject.com/en/5.2/ref/databases/#indexes-for-varchar-"
        "and-text-columns"
    )
    design = True
    kinds = ("create_index",)

    def applies(self, event: Event, step: Step) -> bool:
        return event.name.endswith("_like")

    def severity(self, event: Event, step: Step) -> Severity:
        return Severity.SAFE


RULE = RedundantLikeIndex()
