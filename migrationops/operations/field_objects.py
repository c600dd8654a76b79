"""Fields that get or lose an index, uniqueness or a foreign key."""

from __future__ import annotations

from typing import Any

from django.db.migrations import AlterField
from django.db.models import Model

from migrationops.exceptions import RefusedError
from migrationops.operations.base import Change, SafeOperation, field_of
from migrationops.operations.columns import (
    add_foreign_key,
    index_statements,
)
from migrationops.operations.enforcement import enforce, lift, qualified
from migrationops.operations.indexes import build, drop
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session
from migrationops.operations.uniqueness import make_unique


class ConstrainField(SafeOperation, AlterField):
    """AlterField that turns db_index, unique, a check or a foreign key on or off.

    The column's name, type, nullability and default stay as they are.
    """

    def forwards(self, session: Session, change: Change) -> None:
        old = field_of(change.old, self.name)
        new = field_of(change.new, self.name)
        if _column(session, old) != _column(session, new):
            raise RefusedError(
                f"ConstrainField keeps the column, and {self.model_name}.{self.name} "
                "changes more than its index, uniqueness, check or foreign key; "
                "nothing was changed.",
                remedy="Use ChangeTypeExpand, SetNotNull or AlterField for the rest.",
            )
        table = session.relation(change.new._meta.db_table)
        _loosen(session, table, change.old, old, new)
        _unique(session, table, change.new, old, new)
        _index(session, table, change, self.name)
        _check(session, table, change.new, old, new)
        if not _has_foreign_key(old):
            add_foreign_key(session, change.new, table, new)

    def backwards(self, session: Session, change: Change) -> None:
        self.forwards(session, change)

    def describe(self) -> str:
        return f"Index or constrain {self.model_name}.{self.name}, concurrently"


def _column(session: Session, field: Any) -> tuple[Any, ...]:
    parameters = field.db_parameters(connection=session.connection)
    default = session.editor.db_default_sql(field) if field.has_db_default() else None
    kind = (parameters["type"], parameters.get("collation"))
    return (field.column, kind, field.null, field.primary_key, default)


def _has_foreign_key(field: Any) -> bool:
    return field.remote_field is not None and field.db_constraint


def _checked(session: Session, field: Any) -> str | None:
    check: str | None = field.db_parameters(connection=session.connection)["check"]
    return check


def _loosen(
    session: Session, table: Relation, model: type[Model], old: Any, new: Any
) -> None:
    """Drop the constraints that the new field has no longer, as Django finds them."""
    gone = []
    if _has_foreign_key(old) and not _has_foreign_key(new):
        gone.append({"foreign_key": True})
    if old.unique and not new.unique:
        gone.append({"unique": True, "primary_key": False})
    if _checked(session, old) and not _checked(session, new):
        gone.append({"check": True})
    named = {c.name for c in model._meta.constraints}
    for kind in gone:
        for name in session.editor._constraint_names(
            model, [old.column], exclude=named, **kind
        ):
            lift(session, table, name)


def _unique(
    session: Session, table: Relation, model: type[Model], old: Any, new: Any
) -> None:
    if new.unique and not old.unique:
        statement = session.editor._create_unique_sql(model, [new])
        name = str(statement.parts["name"]).strip('"')
        make_unique(session, table, name, statement)


def _index(session: Session, table: Relation, change: Change, field: str) -> None:
    old = index_statements(session, change.old, field_of(change.old, field))
    new = index_statements(session, change.new, field_of(change.new, field))
    for name in new.keys() - old.keys():
        build(session, table, name, qualified(new[name], table))
    for name in old.keys() - new.keys():
        drop(session, table, name)


def _check(
    session: Session, table: Relation, model: type[Model], old: Any, new: Any
) -> None:
    check = _checked(session, new)
    if check and not _checked(session, old):
        editor = session.editor
        name = editor._create_index_name(
            model._meta.db_table, [new.column], suffix="_check"
        )
        enforce(session, table, name, editor._create_check_sql(model, name, check))
