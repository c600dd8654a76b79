"""Fields that are added with a default that the database keeps."""

from __future__ import annotations

import copy
from typing import Any

from django.db.migrations import AddField
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, ExpressionWrapper, Model, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Coalesce, Now
from psycopg import sql

from migrationops.exceptions import RefusedError
from migrationops.operations.base import Change, SafeOperation, field_of
from migrationops.operations.columns import (
    add_column,
    dress,
    drop_column,
    foreign_key_name,
)
from migrationops.operations.enforcement import lift
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session

# Now() is statement_timestamp(), which is planned once a statement.
_PLANNED_ONCE = (Value, CombinedExpression, ExpressionWrapper, Cast, Coalesce, Now)


class AddFieldWithDefault(SafeOperation, AddField):
    """AddField that keeps its default in the database, for the code still running.

    A constant default costs nothing. A volatile one (a new UUID a row) is set for
    new rows only and needs null=True: Backfill fills the others. A Python default
    stays in the database until DropDatabaseDefault.
    """

    def forwards(self, session: Session, change: Change) -> None:
        field = field_of(change.new, self.name)
        field.default = self.field.default
        if field.has_db_default() and is_volatile(session, field.db_default):
            self._add_volatile(session, change.new, field)
        else:
            add_column(session, change.new, field, default=True)
        dress(session, change.new, field)
        if not self.preserve_default:
            field.default = NOT_PROVIDED

    def backwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.old._meta.db_table)
        field = field_of(change.old, self.name)
        if field.remote_field:
            lift(session, table, foreign_key_name(session, change.old, field))
        drop_column(session, table, field.column)

    def describe(self) -> str:
        return f"Add field {self.name} to {self.model_name} with a database default"

    def _add_volatile(self, session: Session, model: type[Model], field: Any) -> None:
        if not field.null:
            raise RefusedError(
                f"The default of {self.model_name}.{self.name} differs from row to "
                "row, so adding it NOT NULL rewrites the table; nothing was changed.",
                remedy="Add it with null=True, then Backfill, then SetNotNull.",
            )
        empty = copy.copy(field)
        empty.db_default = NOT_PROVIDED
        add_column(session, model, empty, default=False)
        table = session.relation(model._meta.db_table)
        expression, params = session.editor.db_default_sql(field)
        if params:
            expression = session.connection.ops.compose_sql(expression, params)
        _set_default(session, table, field.column, expression)


class DropDatabaseDefault(SafeOperation, FieldOperation):
    """Drop what AddFieldWithDefault kept, once all running code knows the field."""

    in_transaction = True

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        named = {"model_name": self.model_name, "name": self.name}
        return (type(self).__name__, [], named)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def forwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.new._meta.db_table)
        column = sql.Identifier(field_of(change.new, self.name).column)
        session.run(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT").format(
                table.identifier, column
            )
        )

    def backwards(self, session: Session, change: Change) -> None:
        field = field_of(change.new, self.name)
        default = session.editor.effective_default(field)
        if default is not None:
            table = session.relation(change.new._meta.db_table)
            literal = session.connection.ops.compose_sql("%s", [default])
            _set_default(session, table, field.column, literal)

    def describe(self) -> str:
        return f"Drop the database default of {self.model_name}.{self.name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"drop_default_{self.model_name_lower}_{self.name_lower}"


def is_volatile(session: Session, default: Any) -> bool:
    """Whether a default may differ from row to row; what is not known may."""
    if not hasattr(default, "flatten"):
        return False
    parts = [p for p in default.flatten() if not isinstance(p, _PLANNED_ONCE)]
    functions = {str(getattr(p, "function", None)).lower() for p in parts}
    steady = {name for (name,) in session.ask(_STEADY, [list(functions)])}
    return bool(functions - steady)


def _set_default(
    session: Session, table: Relation, column: str, expression: str
) -> None:
    session.run(
        sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(
            table.identifier, sql.Identifier(column), sql.SQL(expression)
        )
    )


_STEADY = """
SELECT proname FROM pg_catalog.pg_proc WHERE proname = ANY(%s)
 GROUP BY proname HAVING bool_and(provolatile <> 'v')
"""
