"""The rows of a twin, for a backfill that knows no more than both columns."""

from __future__ import annotations

from typing import Any

from django.db.migrations.state import ModelState, ProjectState
from django.db.models import F, Model, Q
from django.db.models.functions import Cast

from migrationops.exceptions import RefusedError
from migrationops.operations.backfill import Backfill
from migrationops.operations.base import AnyField
from migrationops.operations.session import Session
from migrationops.operations.twin import Twin, type_of


class BareField(AnyField):
    """A column by its type, with nothing that Django knows of it."""

    def __init__(self, *, type: str = "", **options: Any) -> None:  # noqa: A002
        self.type = type
        super().__init__(**options)

    def db_type(self, connection: Any) -> str:
        """Return the type as it was given."""
        return self.type

    def deconstruct(self) -> Any:
        """Return how to make it again, for a state's clones."""
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "type": self.type}


def fill(backfill: Backfill, session: Session, model: type[Model], twin: Twin) -> None:
    """Fill the target of the rows that were there before the trigger."""
    backfill.fill(
        session,
        _rows(session, model, twin),
        {"target": Cast(F("source"), BareField(type=twin.type))},
        Q(target__isnull=True, source__isnull=False),
    )


def _rows(session: Session, model: type[Model], twin: Twin) -> type[Model]:
    """Return a model of the same table that knows the key and both columns."""
    key: Any = model._meta.pk
    if key.column is None:
        raise RefusedError(
            f"{model._meta.label} has a composite key, by which rows cannot be taken "
            "in batches; nothing was changed.",
            remedy="Change the column by a migration of your own, in batches by "
            "that key.",
        )
    kind = type_of(session, key)[0]
    fields: list[tuple[str, AnyField]] = [
        ("key", BareField(type=kind, db_column=key.column, primary_key=True)),
        ("source", BareField(type=twin.type, db_column=twin.source, null=True)),
        ("target", BareField(type=twin.type, db_column=twin.target, null=True)),
    ]
    label = model._meta.app_label
    options = {"db_table": model._meta.db_table, "managed": False}
    state = ProjectState()
    state.add_model(ModelState(label, "Twin", fields, options))
    return state.apps.get_model(label, "Twin")
