"""A field's name, changed by expand and contract."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from django.db import migrations
from django.db.migrations.state import ProjectState
from django.db.models import Model, Q

from migrationops.exceptions import RefusedError
from migrationops.operations import catalog, twin
from migrationops.operations.backfill import Backfill
from migrationops.operations.base import Change, SafeOperation, field_of
from migrationops.operations.columns import foreign_key_name
from migrationops.operations.handover import adorn, refuse_dependents, succession
from migrationops.operations.parts import read
from migrationops.operations.session import Session
from migrationops.operations.twin import Twin, type_of
from migrationops.operations.twin_rows import fill


class RenameFieldExpand(SafeOperation, migrations.RenameField):
    """RenameField in the state; a column of the new name beside the old one.

    A trigger keeps both in step, whichever the running code writes.
    RenameFieldBackfill must follow before new code runs, RenameFieldContract after
    the last old code is gone.
    """

    def forwards(self, session: Session, change: Change) -> None:
        names = _twin(session, change.new, self.old_name, self.new_name)
        if names is not None:
            refuse_dependents(session, names.table, names.source)
            twin.add(session, names)

    def backwards(self, session: Session, change: Change) -> None:
        names = _twin(session, change.old, self.old_name, self.new_name)
        if names is not None:
            twin.remove(session, names)

    def describe(self) -> str:
        return f"Expand {self.model_name} by {self.new_name}, a copy of {self.old_name}"


class RenameFieldBackfill(Backfill):
    """Fill the column of the new name in the rows that were there before it."""

    def __init__(
        self, model_name: str, old_name: str, new_name: str, **pace: Any
    ) -> None:
        self.old_name = old_name
        self.new_name = new_name
        super().__init__(model_name, {}, Q(), **pace)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, named = super().deconstruct()
        del named["values"], named["where"]
        return (
            path,
            args,
            {**named, "old_name": self.old_name, "new_name": self.new_name},
        )

    def forwards(self, session: Session, change: Change) -> None:
        names = _twin(session, change.new, self.old_name, self.new_name)
        if names is not None:
            fill(self, session, change.new, names)

    def describe(self) -> str:
        return f"Backfill {self.model_name}.{self.new_name} from {self.old_name}"


class RenameFieldContract(SafeOperation, migrations.RenameField):
    """Give the new column all that the old one has, and drop the old one."""

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave it: RenameFieldExpand has renamed the field."""

    def forwards(self, session: Session, change: Change) -> None:
        names = _twin(session, change.new, self.old_name, self.new_name)
        if names is None:
            return
        if session.collecting or catalog.has_column(session, names.table, names.source):
            parts = read(session, names, without=frozenset())
            adorn(session, names, parts)
            session.run_together(
                *twin.unfollowing(names),
                *succession(
                    names,
                    parts,
                    keep=False,
                    renames=self._foreign_key(session, change, back=False),
                ),
            )

    def backwards(self, session: Session, change: Change) -> None:
        """Make the old column anew and give it everything back."""
        names = _twin(session, change.new, self.old_name, self.new_name)
        if names is None:
            return
        back = replace(names, source=names.target, target=names.source)
        twin.add(session, back)
        fill(Backfill(self.model_name, {}, Q()), session, change.new, back)
        parts = read(session, back, without=frozenset())
        adorn(session, back, parts)
        session.run_together(
            *succession(
                back,
                parts,
                keep=True,
                renames=self._foreign_key(session, change, back=True),
            ),
            *twin.following(names),
        )

    def describe(self) -> str:
        return f"Contract {self.model_name}: drop the column of {self.old_name}"

    def _foreign_key(
        self, session: Session, change: Change, *, back: bool
    ) -> dict[str, str]:
        """Return the foreign key's name before and after: Django makes it anew."""
        new = field_of(change.new, self.new_name)
        if new.remote_field is None:
            return {}
        names = [
            foreign_key_name(session, change.new, field)
            for field in (_old(new, self.old_name), new)
        ]
        before, after = reversed(names) if back else names
        return {before: after}


def _twin(
    session: Session, model: type[Model], old_name: str, new_name: str
) -> Twin | None:
    """Return both columns; None when db_column gives them one name."""
    field: Any = field_of(model, new_name)
    if field.many_to_many or field.primary_key:
        raise RefusedError(
            f"{model._meta.label}.{old_name} is a key or many-to-many; it cannot be "
            "renamed by a second column. Nothing was changed.",
            remedy="Rename it by Django's own RenameField while nobody is at work.",
        )
    old = _old(field, old_name)
    if old.column == field.column:
        return None
    kind, collation = type_of(session, field)
    return Twin(
        table=session.relation(model._meta.db_table),
        owner=old.column,
        source=old.column,
        target=field.column,
        type=kind,
        collation=collation,
        both_ways=True,
    )


def _old(field: Any, name: str) -> Any:
    """Return the field as it was under its old name."""
    old = copy.copy(field)
    old.name = None
    old.set_attributes_from_name(name)
    return old
