"""Touches migrationops' own tables."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step


class OwnTables(StatementRule):
    id = "own-tables"
    title = "Touches migrationops' own tables"
    problem = (
        "The record of the run that executes this statement lives there: the server "
        "would wait for itself, or the record would be lost."
    )
    remedy = "# manage.py resolve_migration changes them; a migration never does."
    source = (
        "https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-"
        "DEADLOCKS"
    )

    def check(self, step: Step) -> Iterator[Hit]:
        if step.app == "migrationops":
            return
        for name in {*step.effect.locks, *(e.table for e in step.effect.events)}:
            short = name.rpartition(".")[2]
            if short.startswith("migrationops_") or short == "django_migrations":
                yield Hit(
                    severity=Severity.DANGEROUS,
                    table=name,
                    message=f"{self.title}: {name}.",
                )


RULE = OwnTables()
