"""CREATE INDEX blocks writers."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class CreateIndexBlocking(WorkRule):
    id = "create-index-blocking"
    title = "CREATE INDEX blocks writers"
    problem = (
        "Without CONCURRENTLY everybody who writes to the table waits behind SHARE "
        "until the index is built."
    )
    remedy = """\
from django.contrib.postgres.operations import AddIndexConcurrently

class Migration(migrations.Migration):
    atomic = False
    operations = [
        AddIndexConcurrently("order", models.Index("day", name="order_day")),
    ]
"""
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    causes = ("create-index-blocking",)


RULE = CreateIndexBlocking()
