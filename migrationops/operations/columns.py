"""A column and all that Django puts on it, made without blocking anybody."""

from __future__ import annotations

import copy
from typing import Any

from django.db.backends.ddl_references import Statement
from django.db.migrations.operations.fields import FieldOperation
from django.db.models import Model
from psycopg import sql

from migrationops.exceptions import RefusedError
from migrationops.operations import catalog
from migrationops.operations.enforcement import enforce, qualified
from migrationops.operations.indexes import build
from migrationops.operations.names import object_name
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session
from migrationops.operations.uniqueness import make_unique

_FOREIGN_KEY = "_fk_%(to_table)s_%(to_column)s"


def add_column(
    session: Session, model: type[Model], field: Any, *, default: bool
) -> None:
    """Add the bare column unless it is there: type, default, NOT NULL, comment.

    `default` keeps the Python default as the column's default.
    """
    table = session.relation(model._meta.db_table)
    if not catalog.has_column(session, table, field.column):
        session.run(_addition(session, model, table, field, default))
    if field.db_comment:
        session.run(comment(table, field.column, field.db_comment))


def dress(session: Session, model: type[Model], field: Any) -> None:
    """Add check, unique, indexes and foreign key of a column that is there."""
    table = session.relation(model._meta.db_table)
    add_check(session, table, field)
    if field.unique:
        _add_inline_unique(session, model, table, field)
    add_indexes(session, model, table, field)
    add_foreign_key(session, model, table, field)


def _addition(
    session: Session, model: type[Model], table: Relation, field: Any, default: bool
) -> str:
    editor = session.editor
    bare = copy.copy(field)
    bare._unique = False
    definition, params = editor.column_sql(model, bare, include_default=default)
    if params:
        definition = editor.connection.ops.compose_sql(definition, params)
    parts = {
        "table": table,
        "column": editor.quote_name(field.column),
        "definition": definition,
    }
    return str(editor.sql_create_column % parts)


def comment(table: Relation, column: str, text: str | None) -> sql.Composed:
    """Return the statement that comments on a column, or takes the comment away."""
    return sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
        table.identifier, sql.Identifier(column), sql.Literal(text)
    )


def add_check(session: Session, table: Relation, field: Any) -> None:
    """Add the check of the field's type, under the name of an inline one."""
    check = field.db_parameters(connection=session.connection)["check"]
    if check:
        name = object_name(table.name, field.column, "check")
        editor = session.editor
        statement = Statement(
            editor.sql_create_check,
            table=str(table),
            name=editor.quote_name(name),
            check=check,
        )
        enforce(session, table, name, statement)


def _add_inline_unique(
    session: Session, model: type[Model], table: Relation, field: Any
) -> None:
    editor = session.editor
    name = object_name(table.name, field.column, "key")
    statement = editor._create_unique_sql(model, [field], name=name)
    space = field.db_tablespace or model._meta.db_tablespace
    tablespace = f" {editor.connection.ops.tablespace_sql(space)}" if space else ""
    make_unique(session, table, name, statement, tablespace=tablespace)


def add_indexes(
    session: Session, model: type[Model], table: Relation, field: Any
) -> None:
    """Build the indexes that Django gives this field by itself."""
    for name, statement in index_statements(session, model, field).items():
        build(session, table, name, qualified(statement, table))


def index_statements(
    session: Session, model: type[Model], field: Any
) -> dict[str, Statement]:
    """Return Django's statements for a field's own indexes, concurrent, by name."""
    statements = {}
    for statement in session.editor._field_indexes_sql(model, field):
        statement.template = session.editor.sql_create_index_concurrently
        statements[str(statement.parts["name"]).strip('"')] = statement
    return statements


def add_foreign_key(
    session: Session, model: type[Model], table: Relation, field: Any
) -> None:
    """Add the field's foreign key, if it has one, then validate it."""
    if field.remote_field is None or not field.db_constraint:
        return
    statement = session.editor._create_fk_sql(model, field, _FOREIGN_KEY)
    parent = session.relation(field.target_field.model._meta.db_table)
    statement.parts["to_table"] = str(parent)
    name = foreign_key_name(session, model, field)
    if session.version < catalog.PARTITIONED_NOT_VALID and catalog.is_partitioned(
        session, table
    ):
        _enforce_by_partition(session, table, name, statement)
    else:
        enforce(session, table, name, statement)


def _enforce_by_partition(
    session: Session, table: Relation, name: str, statement: Statement
) -> None:
    """Enforce it in every partition; the parent then takes theirs without a scan."""
    for partition in catalog.partitions_without(session, table, ""):
        if catalog.is_partitioned(session, partition):
            _enforce_by_partition(session, partition, name, statement)
        else:
            enforce(session, partition, name, statement)
    if catalog.constraint(session, table, name) is None:
        session.run(qualified(statement, table))


def foreign_key_name(session: Session, model: type[Model], field: Any) -> str:
    quoted = session.editor._fk_constraint_name(model, field, _FOREIGN_KEY)
    return str(quoted).strip('"')


def drop_column(session: Session, table: Relation, column: str) -> None:
    """Drop the column if it is there; refuse (2BP01) when a view depends on it."""
    session.run(
        sql.SQL("ALTER TABLE {} DROP COLUMN IF EXISTS {}").format(
            table.identifier, sql.Identifier(column)
        )
    )


def refuse_one_off_default(
    operation: FieldOperation, session: Session, field: Any
) -> None:
    """Refuse a Python default, which would vanish while old code still inserts."""
    if not field.has_db_default() and session.editor.effective_default(field):
        raise RefusedError(
            f"{type(operation).__name__} would give {operation.model_name}."
            f"{operation.name} a default for a moment only; nothing was changed.",
            remedy="Use null=True, db_default=..., or AddFieldWithDefault.",
        )
