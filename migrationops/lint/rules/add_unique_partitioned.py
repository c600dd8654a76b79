"""UNIQUE or PRIMARY KEY on a partitioned table builds an index on every partition."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddUniquePartitioned(WorkRule):
    id = "add-unique-partitioned"
    title = (
        "UNIQUE or PRIMARY KEY on a partitioned table builds an index on every "
        "partition"
    )
    problem = (
        "ACCESS EXCLUSIVE on the parent, and SHARE (since 18 ACCESS EXCLUSIVE) on "
        "every partition, until all of them are built."
    )
    remedy = """\
# atomic = False
migrations.RunSQL("CREATE UNIQUE INDEX orders_number ON ONLY orders (number, day)"),
migrations.RunSQL(
    "CREATE UNIQUE INDEX CONCURRENTLY orders_2026_number ON orders_2026 (number, day)"
),
migrations.RunSQL("ALTER INDEX orders_number ATTACH PARTITION orders_2026_number"),
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-unique-partitioned",)


RULE = AddUniquePartitioned()
