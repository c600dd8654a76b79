"""Keeping households apart: every key between their tables carries the household."""

from __future__ import annotations

from django.db import migrations, models
from psycopg import sql

MAX_NAME = 63


def tenant_unique(name: str) -> models.UniqueConstraint:
    """Return the target of composite keys; it also serves lookups by household."""
    return models.UniqueConstraint(fields=["household", "id"], name=f"{name}_tenant")


def tenant_key_name(table: str, column: str) -> str:
    """Return the name of the composite foreign key on a column."""
    return f"{table}_{column}_tenant_fk"[:MAX_NAME]


def tenant_key(table: str, column: str, target: str) -> migrations.RunSQL:
    """Return the composite foreign key (column, household) of an empty table.

    Deferred like Django's own, so that a household is purged in any order.
    """
    name = sql.Identifier(tenant_key_name(table, column))
    forward = sql.SQL(
        "ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (household_id, {column})"
        " REFERENCES {target} (household_id, id) DEFERRABLE INITIALLY DEFERRED"
    ).format(
        table=sql.Identifier(table),
        name=name,
        column=sql.Identifier(column),
        target=sql.Identifier(target),
    )
    backward = sql.SQL("ALTER TABLE {table} DROP CONSTRAINT {name}").format(
        table=sql.Identifier(table), name=name
    )
    return migrations.RunSQL(forward.as_string(None), backward.as_string(None))
