"""An index on a partitioned table blocks the writers of every partition."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class CreateIndexPartitioned(WorkRule):
    id = "create-index-partitioned"
    title = "An index on a partitioned table blocks the writers of every partition"
    problem = (
        "SHARE is held on the parent and on all partitions until all of the indexes "
        "are built; CONCURRENTLY is not possible on the parent."
    )
    remedy = """\
# atomic = False
migrations.RunSQL("CREATE INDEX orders_day ON ONLY orders (day)"),
migrations.RunSQL("CREATE INDEX CONCURRENTLY orders_2026_day ON orders_2026 (day)"),
migrations.RunSQL("ALTER INDEX orders_day ATTACH PARTITION orders_2026_day"),
"""
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"
    causes = ("create-index-partitioned",)


RULE = CreateIndexPartitioned()
