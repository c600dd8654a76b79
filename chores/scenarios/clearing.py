"""Deleting every household, for a seed that begins anew."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg import sql

from chores.households.households import APPS
from chores.integrity import tenant_models
from chores.scenarios.staging import SEEDED


def clear(*, alias: str = DEFAULT_DB_ALIAS) -> None:
    """Delete everything of all households, and the logins that were seeded.

    A table that a later migration makes is not there to be emptied.
    """
    tables = {m._meta.db_table for label in APPS for m in tenant_models(label)}
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        there = set(connections[alias].introspection.table_names(cursor))
        wanted = sorted({*tables, "households_household"} & there)
        names = sql.SQL(", ").join(map(sql.Identifier, wanted))
        cursor.execute("SELECT set_config('chores.truncate', 'on', true)")
        cursor.execute(sql.SQL("TRUNCATE {}").format(names))
        cursor.execute(
            "DELETE FROM accounts_user WHERE username LIKE %s", [f"{SEEDED}%"]
        )
