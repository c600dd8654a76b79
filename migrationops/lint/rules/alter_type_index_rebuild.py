"""The change of type builds an index anew."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AlterTypeIndexRebuild(WorkRule):
    id = "alter-type-index-rebuild"
    title = "The change of type builds an index anew"
    problem = (
        "The rows stay as they are, but an index needs another operator class or "
        "collation, or has an expression or predicate on the column: it is dropped "
        "and built again behind ACCESS EXCLUSIVE."
    )
    remedy = """\
class Migration(migrations.Migration):
    atomic = False
    operations = [
        RemoveIndexConcurrently("order", "order_code"),
        migrations.AlterField("order", "code", models.TextField()),
        AddIndexConcurrently("order", models.Index("code", name="order_code")),
    ]
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("alter-type-index-rebuild",)


RULE = AlterTypeIndexRebuild()
