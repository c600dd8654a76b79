"""One transaction adds foreign keys to several tables."""

from __future__ import annotations

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class MultipleFksOneTx(EventRule):
    id = "multiple-fks-one-tx"
    title = "One transaction adds foreign keys to several tables"
    problem = (
        "Each takes SHARE ROW EXCLUSIVE on the table it refers to and keeps it to the "
        "end: writers of all of them wait, and deadlocks are possible."
    )
    remedy = "# One migration a foreign key, or AddForeignKey with atomic = False."
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"
    kinds = ("add_constraint", "new_table_constraint")

    def applies(self, event: Event, step: Step) -> bool:
        parent = event["constraint"].references
        if parent is None or not step.effect.in_transaction or step.is_new(parent):
            return False
        return len(self._others(event, step)) == 1  # said once

    def severity(self, event: Event, step: Step) -> Severity:
        return severity.of_table(step, event["constraint"].references, Severity.CAREFUL)

    def message(self, event: Event, step: Step) -> str:
        parents = {*self._others(event, step), event["constraint"].references}
        return f"{self.title}: {', '.join(sorted(parents))}."

    def _others(self, event: Event, step: Step) -> set[str]:
        """Return the other existing tables that this transaction's keys refer to."""
        found = set()
        for other in (*step.earlier(*self.kinds), *step.events(*self.kinds)):
            parent = other["constraint"].references
            if other is event:
                break
            if parent and not step.is_new(parent):
                found.add(parent)
        return found - {event["constraint"].references}


RULE = MultipleFksOneTx()
