"""The drop locks the table at the other end of a foreign key too."""

from __future__ import annotations

from migrationops.lint.finding import Severity
from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step
from migrationops.postgres.table_locks import Lock


class DropTouchesParent(EventRule):
    id = "drop-touches-parent"
    title = "The drop locks the table at the other end of a foreign key too"
    problem = (
        "ACCESS EXCLUSIVE is taken on the referenced table as well: a surprise when "
        "that one is busy."
    )
    remedy = """\
# First the key alone (db_constraint=False), with a short lock_timeout and retries;
# then, in another migration, the column or table. RemoveField of
# migrationops.operations does that.
"""
    source = "https://www.postgresql.org/docs/current/explicit-locking.html"
    kinds = ("drop_table", "drop_column", "drop_constraint")

    def applies(self, event: Event, step: Step) -> bool:
        return not step.is_new(event.table) and bool(self._others(event, step))

    def severity(self, event: Event, step: Step) -> Severity:
        filled = [t for t in self._others(event, step) if step.rows(t) != 0]
        return Severity.CAREFUL if filled else Severity.SAFE

    def message(self, event: Event, step: Step) -> str:
        others = ", ".join(sorted(self._others(event, step)))
        return f"{self.title}: dropping from {event.table} locks {others}."

    def _others(self, event: Event, step: Step) -> set[str]:
        hard = step.locked(Lock.AX)
        own = {event.table, *step.world.family(event.table)}
        dropped = {e.table for e in step.events("drop_table")}
        views = set(event["dependents"] or ())
        tables = {n for n in hard if not step.world.is_index(n)}
        return set() if event["partition"] else tables - own - dropped - views


RULE = DropTouchesParent()
