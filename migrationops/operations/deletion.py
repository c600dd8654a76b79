"""Models that leave in two releases: the state first, the table later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState
from django.db.models import Model

from migrationops.operations.base import Change, SafeOperation
from migrationops.operations.removal import add_foreign_keys, through_table
from migrationops.operations.session import Session
from migrationops.operations.tables import (
    create_table,
    drop_foreign_keys,
    drop_table,
    without_foreign_keys,
)


class DeleteModel(SafeOperation, migrations.DeleteModel):
    """DeleteModel from the state; the table stays, without its foreign keys.

    They would refuse that code which does not know the table deletes what it refers
    to. DropTable follows in a later release.
    """

    @property
    def model_name(self) -> str:  # type: ignore[override]
        return self.name

    def forwards(self, session: Session, change: Change) -> None:
        for model in _tables(change.old):
            drop_foreign_keys(session, model)

    def backwards(self, session: Session, change: Change) -> None:
        for model in _tables(change.new):
            add_foreign_keys(session, model)

    def describe(self) -> str:
        return f"Forget model {self.name}, keep its table"


class DropTable(SafeOperation, Operation):
    """Drop the table of a model that a DeleteModel took out of the state.

    `model` is the CreateModel of it, to find the table's name and to go back.
    """

    category = OperationCategory.REMOVAL

    def __init__(self, model: migrations.CreateModel) -> None:
        self.model = model
        self.model_name = model.name

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [], {"model": self.model})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def subject(self, change: Change) -> type[Model]:
        """Return the model as it was, in a state of its own."""
        state = change.after.clone()
        self.model.state_forwards(change.app_label, state)
        return state.apps.get_model(change.app_label, self.model_name)

    def forwards(self, session: Session, change: Change) -> None:
        drop_table(session, self.subject(change))

    def backwards(self, session: Session, change: Change) -> None:
        """Bring it back as DeleteModel left it, without its rows."""
        create_table(session, without_foreign_keys(self.subject(change)))

    def describe(self) -> str:
        return f"Drop the table of {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"drop_{self.model_name.lower()}"


def _tables(model: type[Model]) -> Iterator[type[Model]]:
    yield model
    yield from filter(None, map(through_table, model._meta.local_many_to_many))
