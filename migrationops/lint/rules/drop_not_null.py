"""Readers of running code may get NULL."""

from __future__ import annotations

from migrationops.lint.rule import EventRule


class DropNotNull(EventRule):
    id = "drop-not-null"
    title = "Readers of running code may get NULL"
    problem = "The old release does not expect NULL in this column."
    remedy = "# After the release whose readers cope with NULL."
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    kinds = ("drop_not_null",)


RULE = DropNotNull()
