"""Fields that leave in two releases: the state first, the column later."""

from __future__ import annotations

import copy
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import OperationCategory
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.state import ProjectState
from django.db.models import Model

from migrationops.exceptions import RefusedError
from migrationops.operations.base import AnyField, Change, SafeOperation, field_of
from migrationops.operations.columns import (
    add_column,
    add_foreign_key,
    dress,
    drop_column,
)
from migrationops.operations.not_null import drop_not_null, set_not_null
from migrationops.operations.session import Session
from migrationops.operations.tables import (
    create_table,
    drop_foreign_keys,
    drop_table,
    without_foreign_keys,
)


class RemoveField(SafeOperation, migrations.RemoveField):
    """RemoveField from the state; the column stays, and bears not to be written.

    It loses NOT NULL and its foreign key, so that code which does not know it can
    insert rows and delete what they refer to. DropColumn follows in a later release.
    """

    def forwards(self, session: Session, change: Change) -> None:
        field = field_of(change.old, self.name)
        if field.primary_key:
            raise RefusedError(
                f"{self.model_name}.{self.name} is the primary key, which cannot "
                "leave in two releases; nothing was changed.",
                remedy="Give the model another key first.",
            )
        if through := through_table(field):
            drop_foreign_keys(session, through)
        elif field.column:
            drop_foreign_keys(session, change.old, column=field.column)
            if _must_relax(field):
                table = session.relation(change.old._meta.db_table)
                drop_not_null(session, table, field.column)

    def backwards(self, session: Session, change: Change) -> None:
        field = field_of(change.new, self.name)
        if through := through_table(field):
            add_foreign_keys(session, through)
        elif field.column:
            table = session.relation(change.new._meta.db_table)
            if _must_relax(field):
                set_not_null(session, table, field.column)
            add_foreign_key(session, change.new, table, field)

    def describe(self) -> str:
        return f"Forget field {self.name} of {self.model_name}, keep its column"


class DropColumn(SafeOperation, FieldOperation):
    """Drop the column of a field that a RemoveField took out of the state.

    `field` is that field, to find the column's name and to go back.
    """

    category = OperationCategory.REMOVAL
    field: AnyField

    def __init__(self, model_name: str, name: str, field: AnyField) -> None:
        super().__init__(model_name, name, field)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        named = {
            "model_name": self.model_name,
            "name": self.name,
            "field": self.field,
        }
        return (type(self).__name__, [], named)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def forwards(self, session: Session, change: Change) -> None:
        model = self._model(change)
        field = field_of(model, self.name)
        if through := through_table(field):
            drop_table(session, through)
        elif field.column:
            table = session.relation(model._meta.db_table)
            drop_column(session, table, field.column)

    def backwards(self, session: Session, change: Change) -> None:
        """Bring it back as RemoveField left it, without its values."""
        model = self._model(change)
        field = field_of(model, self.name)
        if through := through_table(field):
            create_table(session, without_foreign_keys(through))
        elif field.column:
            relaxed = copy.copy(field)
            relaxed.null = field.null or _must_relax(field)
            relaxed.db_constraint = False
            add_column(session, model, relaxed, default=False)
            dress(session, model, relaxed)

    def describe(self) -> str:
        return f"Drop the column of {self.model_name}.{self.name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"drop_{self.model_name_lower}_{self.name_lower}"

    def _model(self, change: Change) -> type[Model]:
        """Return the model as it was, in a state of its own."""
        state = change.after.clone()
        state.add_field(
            change.app_label, self.model_name_lower, self.name, self.field, True
        )
        return state.apps.get_model(change.app_label, self.model_name)


def through_table(field: Any) -> type[Model] | None:
    """Return the table that Django made for a many-to-many field."""
    if field.many_to_many and field.remote_field.through._meta.auto_created:
        through: type[Model] = field.remote_field.through
        return through
    return None


def add_foreign_keys(session: Session, model: type[Model]) -> None:
    table = session.relation(model._meta.db_table)
    for field in model._meta.local_fields:
        add_foreign_key(session, model, table, field)


def _must_relax(field: Any) -> bool:
    return not field.null and not field.has_db_default() and not field.generated
