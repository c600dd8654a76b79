"""Rows are destroyed."""

from __future__ import annotations

from migrationops.lint import severity
from migrationops.lint.rule import DeployRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DestructiveWithRows(DeployRule):
    id = "destructive-with-rows"
    title = "Rows are destroyed"
    problem = "A dropped column or table with data in it comes back only from a backup."
    remedy = """\
# A proven backup, a count, an approval; and a release in which nobody used it
# any more: the migration's name then says contract (0007_contract_order_note).
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/migration-operations/"
    kinds = ("drop_table", "drop_column")

    def applies(self, event: Event, step: Step) -> bool:
        return step.rows(event.table) != 0 and super().applies(event, step)

    def message(self, event: Event, step: Step) -> str:
        what = ".".join(part for part in (event.table, event.name) if part)
        return f"{self.title}: {what} ({severity.rows_text(step.rows(event.table))})."


RULE = DestructiveWithRows()
