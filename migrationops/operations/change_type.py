"""A column's type, changed by expand and contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.backends.ddl_references import Statement
from django.db.migrations import AlterField
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.state import ProjectState
from django.db.models import Model, Q

from migrationops.exceptions import RefusedError
from migrationops.operations import catalog, twin
from migrationops.operations.backfill import Backfill
from migrationops.operations.base import AnyField, Change, SafeOperation, field_of
from migrationops.operations.columns import index_statements
from migrationops.operations.enforcement import qualified
from migrationops.operations.handover import (
    adorn,
    refuse_dependents,
    rename_column,
    succession,
)
from migrationops.operations.indexes import build
from migrationops.operations.names import object_name
from migrationops.operations.parts import Parts, read
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session
from migrationops.operations.twin import Twin, type_of
from migrationops.operations.twin_rows import fill


class ChangeTypeExpand(SafeOperation, FieldOperation):
    """Add a second column of the field's new type, kept in step by a trigger.

    ChangeTypeBackfill and ChangeTypeContract follow, each in a migration of its own.
    """

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
        table = session.relation(change.new._meta.db_table)
        field = field_of(change.new, self.name)
        if field.is_relation or field.primary_key:
            raise key_refusal(self.model_name, self.name)
        refuse_dependents(session, table, field.column)
        twin.add(session, _twin(session, table, field.column, self.field))

    def backwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.new._meta.db_table)
        column = field_of(change.new, self.name).column
        twin.remove(session, _twin(session, table, column, self.field))

    def describe(self) -> str:
        return f"Expand {self.model_name}.{self.name} by a column of the new type"

    @property
    def migration_name_fragment(self) -> str:
        return f"expand_{self.model_name_lower}_{self.name_lower}_type"


class ChangeTypeBackfill(Backfill):
    """Fill the second column of the rows that were there before it, in batches."""

    def __init__(
        self, model_name: str, name: str, field: AnyField, **pace: Any
    ) -> None:
        self.name = name
        self.field = field
        super().__init__(model_name, {}, Q(), **pace)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, named = super().deconstruct()
        del named["values"], named["where"]
        return (path, args, {**named, "name": self.name, "field": self.field})

    def forwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.new._meta.db_table)
        column = field_of(change.new, self.name).column
        fill(self, session, change.new, _twin(session, table, column, self.field))

    def describe(self) -> str:
        return f"Backfill the new column of {self.model_name}.{self.name} in batches"


class ChangeTypeContract(SafeOperation, AlterField):
    """Give the second column all that the first has; drop that, take its name."""

    def forwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.new._meta.db_table)
        old, new = field_of(change.old, self.name), field_of(change.new, self.name)
        _refuse_other_changes(session, old, new)
        follower = _twin(session, table, old.column, new)
        if session.collecting or catalog.has_column(session, table, follower.target):
            parts = self._adorn(session, change, follower)
            session.run_together(
                *twin.unfollowing(follower),
                *succession(follower, parts, keep=False),
                rename_column(table, follower.target, follower.source),
            )
        self._add_gained(session, table, change)

    def backwards(self, session: Session, change: Change) -> None:
        """Make a column of the old type, fill it, and let it take over again."""
        table = session.relation(change.new._meta.db_table)
        old, new = field_of(change.old, self.name), field_of(change.new, self.name)
        follower = _twin(session, table, old.column, old)
        back = replace(
            _twin(session, table, new.column, new),
            target=object_name(table.name, new.column, "back"),
        )
        if session.collecting or not catalog.has_column(
            session, table, follower.target
        ):
            twin.add(session, back)
            fill(Backfill(self.model_name, {}, Q()), session, change.new, back)
            parts = self._adorn(session, change, back)
            session.run_together(
                *succession(back, parts, keep=True),
                rename_column(table, back.source, follower.target),
                rename_column(table, back.target, back.source),
                *twin.following(follower),
            )
        self._add_gained(session, table, change)

    def describe(self) -> str:
        return f"Contract {self.model_name}.{self.name} to the column of the new type"

    def _adorn(self, session: Session, change: Change, follower: Twin) -> Parts:
        old = self._indexes(session, change.old)
        new = self._indexes(session, change.new)
        lost = frozenset(old.keys() - new.keys())
        parts = read(session, follower, without=lost)
        adorn(session, follower, parts)
        return parts

    def _add_gained(self, session: Session, table: Relation, change: Change) -> None:
        """Build what Django indexes in the new type only, as LIKE in text."""
        old = self._indexes(session, change.old)
        new = self._indexes(session, change.new)
        for name in new.keys() - old.keys():
            build(session, table, name, qualified(new[name], table))

    def _indexes(self, session: Session, model: type[Model]) -> dict[str, Statement]:
        return index_statements(session, model, field_of(model, self.name))


def key_refusal(model: str, name: str) -> RefusedError:
    """Say why a key's type cannot be changed by a second column, and what can."""
    return RefusedError(
        f"{model}.{name} is a key: the columns of other tables that refer to it would "
        "have to change in the same step. Nothing was changed.",
        remedy="Leave it an AlterField in a migration of its own, for a maintenance "
        "window: manage.py lint_migrations --pending says which tables it rewrites "
        "and for how long. Or give the new rows another table with a wider key.",
    )


def _twin(session: Session, table: Relation, column: str, field: Any) -> Twin:
    """Return the twin of a column, of the type of `field`."""
    kind, collation = type_of(session, field)
    return Twin(
        table=table,
        owner=column,
        source=column,
        target=object_name(table.name, column, "twin"),
        type=kind,
        collation=collation,
    )


def _refuse_other_changes(session: Session, old: Any, new: Any) -> None:
    if _rest(session, old) != _rest(session, new):
        raise RefusedError(
            f"ChangeTypeContract changes nothing but the type, and {new} differs in "
            "more; nothing was changed.",
            remedy="Use SetNotNull, ConstrainField or AlterField for the rest.",
        )


def _rest(session: Session, field: Any) -> tuple[Any, ...]:
    check = field.db_parameters(connection=session.connection)["check"]
    default = field.db_default if field.has_db_default() else None
    indexed = field.db_index and not field.unique
    return (field.column, field.null, field.unique, indexed, check, default)
