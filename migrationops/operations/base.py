"""What the safe operations have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field, Model

from migrationops.operations.session import Session, open_session

# Only type checkers may ask for its types: a project need not have the stubs.
if TYPE_CHECKING:
    AnyField = Field[Any, Any]
else:
    AnyField = Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The states around an operation, in the direction in which it runs."""

    app_label: str
    model_name: str
    before: ProjectState
    after: ProjectState

    @property
    def old(self) -> type[Model]:
        return self.before.apps.get_model(self.app_label, self.model_name)

    @property
    def new(self) -> type[Model]:
        return self.after.apps.get_model(self.app_label, self.model_name)


class SafeOperation(Operation):
    """An operation in several transactions, which can be run again after a kill.

    Stands before the Django operation whose state it takes over, and replaces what
    runs in the database.
    """

    atomic = False
    model_name: str
    in_transaction: ClassVar[bool] = False  # whether it may run inside one

    @abstractmethod
    def forwards(self, session: Session, change: Change) -> None: ...

    @abstractmethod
    def backwards(self, session: Session, change: Change) -> None: ...

    def subject(self, change: Change) -> type[Model]:
        """Return the model that a router is asked about."""
        try:
            return change.new
        except LookupError:
            return change.old

    def database_forwards(
        self,
        app_label: str,
        schema_editor: Any,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        change = self._change(app_label, from_state, to_state)
        if self.allow_migrate_model(
            schema_editor.connection.alias, self.subject(change)
        ):
            self.forwards(self._session(schema_editor), change)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: Any,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        change = self._change(app_label, from_state, to_state)
        if self.allow_migrate_model(
            schema_editor.connection.alias, self.subject(change)
        ):
            self.backwards(self._session(schema_editor), change)

    def _session(self, editor: Any) -> Session:
        return Session(editor) if self.in_transaction else open_session(self, editor)

    def _change(self, app_label: str, old: ProjectState, new: ProjectState) -> Change:
        return Change(
            app_label=app_label, model_name=self.model_name, before=old, after=new
        )


def is_reentrant(migration: Migration) -> bool:
    """Whether every operation can be run again, wherever a kill left it."""
    return all(isinstance(o, SafeOperation) for o in migration.operations)


def field_of(model: type[Model], name: str) -> Any:
    """Return a concrete field; Any, since its private side speaks to the editor."""
    return model._meta.get_field(name)
