"""REFRESH MATERIALIZED VIEW blocks."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class RefreshMatview(WorkRule):
    id = "refresh-matview"
    title = "REFRESH MATERIALIZED VIEW blocks"
    problem = (
        "Readers wait behind ACCESS EXCLUSIVE until the query is done; CONCURRENTLY "
        "blocks only writers and other refreshes, and needs a unique index."
    )
    remedy = "# From a scheduled task: REFRESH MATERIALIZED VIEW CONCURRENTLY ..."
    source = "https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html"
    causes = ("refresh-matview",)


RULE = RefreshMatview()
