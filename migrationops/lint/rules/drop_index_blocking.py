"""DROP INDEX blocks readers and writers."""

from __future__ import annotations

from migrationops.lint.rule import EventRule
from migrationops.lint.simulation.effects import Event
from migrationops.lint.units import Step


class DropIndexBlocking(EventRule):
    id = "drop-index-blocking"
    title = "DROP INDEX blocks readers and writers"
    problem = (
        "It waits for everybody who uses the table, and everybody else waits behind it."
    )
    remedy = """\
from django.contrib.postgres.operations import RemoveIndexConcurrently

class Migration(migrations.Migration):
    atomic = False
    operations = [RemoveIndexConcurrently("order", "order_day")]
"""
    source = "https://www.postgresql.org/docs/current/sql-dropindex.html"
    kinds = ("drop_index",)

    def applies(self, event: Event, step: Step) -> bool:
        return not event["concurrent"] and super().applies(event, step)


RULE = DropIndexBlocking()
