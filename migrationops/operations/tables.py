"""Whole tables, made as one step and dropped without a cascade."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from psycopg import sql

from migrationops.operations.enforcement import lift
from migrationops.operations.session import Session


def create_table(session: Session, model: type[Model]) -> None:
    """Create the table with all its parts, or nothing; unless it is there."""
    if session.rows("SELECT to_regclass(%s)", [_name(session, model)]) in (
        [],
        [(None,)],
    ):
        with session.connection.schema_editor(
            collect_sql=True, atomic=False
        ) as collector:
            collector.create_model(model)
        session.run_together(*collector.collected_sql)


def drop_table(session: Session, model: type[Model]) -> None:
    """Drop the table and those of its many-to-many fields, if they are there.

    Refused (2BP01) when a view or another table's foreign key depends on one.
    """
    for field in model._meta.local_many_to_many:
        through: Any = field.remote_field.through
        if through._meta.auto_created:
            drop_table(session, through)
    table = session.relation(model._meta.db_table)
    session.run(sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier))


def drop_foreign_keys(
    session: Session, model: type[Model], *, column: str | None = None
) -> None:
    """Drop the foreign keys that the table has, or those of one column."""
    table = session.relation(model._meta.db_table)
    columns = None if column is None else [column]
    for (name,) in session.ask(_FOREIGN_KEYS, [str(table), columns, columns]):
        lift(session, table, name)


def without_foreign_keys(model: type[Model]) -> type[Model]:
    """Change the model, which must be of a state of one's own."""
    for field in model._meta.local_fields:
        if field.remote_field:
            related: Any = field
            related.db_constraint = False
    for many in model._meta.local_many_to_many:
        through: Any = many.remote_field.through
        if through._meta.auto_created:
            without_foreign_keys(through)
    return model


def _name(session: Session, model: type[Model]) -> str:
    return str(session.relation(model._meta.db_table))


_FOREIGN_KEYS = """
SELECT conname FROM pg_catalog.pg_constraint
 WHERE contype = 'f' AND conrelid = pg_catalog.to_regclass(%s)
   AND (%s::text[] IS NULL OR %s::text[] = ARRAY(
        SELECT attname::text FROM pg_catalog.pg_attribute
         WHERE attrelid = conrelid AND attnum = ANY (conkey)))
 ORDER BY conname
"""
