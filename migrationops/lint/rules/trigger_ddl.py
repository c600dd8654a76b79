"""Changing triggers blocks writers."""

from __future__ import annotations

from migrationops.lint.rule import EventRule


class TriggerDdl(EventRule):
    id = "trigger-ddl"
    title = "Changing triggers blocks writers"
    problem = (
        "CREATE TRIGGER and ENABLE or DISABLE TRIGGER take SHARE ROW EXCLUSIVE, DROP "
        "TRIGGER ACCESS EXCLUSIVE. DISABLE TRIGGER ALL switches the checks of foreign "
        "keys off."
    )
    remedy = """\
# Alone in its migration; safe_migrate gives it a short lock_timeout and retries.
"""
    source = "https://www.postgresql.org/docs/current/sql-createtrigger.html"
    kinds = ("create_trigger", "set_trigger", "drop_trigger")


RULE = TriggerDdl()
