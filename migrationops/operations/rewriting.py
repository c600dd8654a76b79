"""The safe sequence for a dangerous operation of Django's."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.special import RunPython
from django.db.migrations.state import ProjectState
from django.db.models import CheckConstraint, ForeignKey, Q, UniqueConstraint

from migrationops.exceptions import RefusedError
from migrationops.operations.alterations import altered
from migrationops.operations.backfill import Backfill
from migrationops.operations.base import SafeOperation
from migrationops.operations.checks import AddCheck
from migrationops.operations.deletion import DeleteModel, DropTable
from migrationops.operations.fields import (
    AddFieldWithDefault,
    DropDatabaseDefault,
    is_volatile,
)
from migrationops.operations.foreign_keys import AddForeignKey
from migrationops.operations.indexes import AddIndex, RemoveIndex
from migrationops.operations.not_null import SetNotNull
from migrationops.operations.phases import Steps, backfill, contract, expand
from migrationops.operations.removal import DropColumn, RemoveField
from migrationops.operations.rename import (
    RenameFieldBackfill,
    RenameFieldContract,
    RenameFieldExpand,
)
from migrationops.operations.session import Session
from migrationops.operations.uniqueness import AddUnique


def rewrite(
    session: Session, operation: Operation, app_label: str, before: ProjectState
) -> Steps:
    """Return the operation's steps by phase; itself where nothing is safer.

    Raises RefusedError for a function, which cannot be written to another file.
    """
    match operation:
        case RunPython():
            raise RefusedError(
                "A RunPython cannot be moved to another file by a program; nothing "
                "was changed.",
                remedy="Put it into a migration of its own, named NNNN_backfill_….",
            )
        case SafeOperation():
            return iter([expand(operation)])
        case migrations.AddField():
            return _added(session, operation)
        case migrations.AlterField():
            old = _field(before, app_label, operation.model_name, operation.name)
            return altered(session, operation, old)
        case migrations.RenameField():
            return _renamed(before, app_label, operation)
        case migrations.RemoveField():
            return _removed(before, app_label, operation)
        case migrations.DeleteModel():
            return _deleted(before, app_label, operation)
        case _:
            return _others(operation)


def _others(operation: Operation) -> Steps:
    match operation:
        case migrations.AddIndex():
            yield expand(AddIndex(operation.model_name, operation.index))
        case migrations.RemoveIndex():
            yield contract(RemoveIndex(operation.model_name, operation.name))
        case migrations.AddConstraint(constraint=CheckConstraint() as check):
            yield contract(AddCheck(operation.model_name, check))
        case migrations.AddConstraint(constraint=UniqueConstraint() as unique):
            yield contract(AddUnique(operation.model_name, unique))
        case _:
            yield expand(operation)


def _added(session: Session, operation: migrations.AddField) -> Steps:
    field: Any = operation.field
    args = (operation.model_name, operation.name, field)
    if field.many_to_many or field.generated or field.primary_key:
        yield expand(operation)
    elif field.has_db_default():
        yield from _with_database_default(session, operation, field)
    elif session.editor._effective_default(field) is not None:
        kept = operation.preserve_default
        yield expand(AddFieldWithDefault(*args, preserve_default=kept))
        yield contract(DropDatabaseDefault(*args[:2]))
    elif isinstance(field, ForeignKey):
        yield expand(AddForeignKey(*args))
    else:
        yield expand(AddFieldWithDefault(*args))


def _with_database_default(
    session: Session, operation: migrations.AddField, field: Any
) -> Steps:
    model, name = operation.model_name, operation.name
    if not is_volatile(session, field.db_default):
        yield expand(AddFieldWithDefault(model, name, field))
        return
    nullable = field.clone()
    nullable.null = True
    yield expand(AddFieldWithDefault(model, name, nullable))
    empty = Q(**{f"{name}__isnull": True})
    yield backfill(Backfill(model, {name: field.db_default}, empty))
    if not field.null:
        yield contract(SetNotNull(model, name, field))


def _renamed(
    before: ProjectState, app_label: str, operation: migrations.RenameField
) -> Steps:
    field = _field(before, app_label, operation.model_name, operation.old_name)
    if field.many_to_many or field.primary_key or field.db_column:
        yield expand(operation)
        return
    names = (operation.model_name, operation.old_name, operation.new_name)
    yield expand(RenameFieldExpand(*names))
    yield backfill(RenameFieldBackfill(*names))
    yield contract(RenameFieldContract(*names))


def _removed(
    before: ProjectState, app_label: str, operation: migrations.RemoveField
) -> Steps:
    model, name = operation.model_name, operation.name
    field = _field(before, app_label, model, name)
    yield expand(RemoveField(model, name))
    yield contract(DropColumn(model, name, field))


def _deleted(
    before: ProjectState, app_label: str, operation: migrations.DeleteModel
) -> Steps:
    model = before.models[app_label, operation.name_lower]
    again = migrations.CreateModel(
        name=model.name,
        fields=list(model.fields.items()),
        options=model.options,
        bases=model.bases,
        managers=model.managers,
    )
    yield expand(DeleteModel(operation.name))
    yield contract(DropTable(again))


def _field(state: ProjectState, app_label: str, model: str, name: str) -> Any:
    return state.models[app_label, model.lower()].get_field(name)
