"""The safe sequence for an AlterField, one aspect after another."""

from __future__ import annotations

from typing import Any

from django.db.migrations import AlterField
from django.db.models import NOT_PROVIDED, Q

from migrationops.operations.backfill import Backfill
from migrationops.operations.change_type import (
    ChangeTypeBackfill,
    ChangeTypeContract,
    ChangeTypeExpand,
    key_refusal,
)
from migrationops.operations.field_objects import ConstrainField
from migrationops.operations.not_null import SetNotNull
from migrationops.operations.phases import Steps, backfill, contract, expand
from migrationops.operations.session import Session

# What the type itself does not say, in the order in which it is changed.
_ASPECTS = ("db_default", "null", "_unique", "db_index", "db_constraint")


def altered(session: Session, operation: AlterField, old: Any) -> Steps:
    """Change the type first, what the column is next, NOT NULL last."""
    new: Any = operation.field
    if new.many_to_many or old.many_to_many:
        yield expand(operation)
        return
    model, name = operation.model_name, operation.name
    field = _with(new, old, _ASPECTS)
    if new.is_relation or old.is_relation:
        field = old
    else:
        yield from _typed(session, (model, name), old, field)
    loosened = _with(field, new, ("db_default", *(["null"] if new.null else [])))
    if _differ(field, loosened):
        yield expand(AlterField(model, name, loosened))
    constrained = _with(new, loosened, ("db_default", "null"))
    if _differ(loosened, constrained):
        yield contract(ConstrainField(model, name, constrained))
    if old.null and not new.null:
        yield from _filled(operation, new)


def _typed(session: Session, where: tuple[str, str], old: Any, new: Any) -> Steps:
    kinds = [f.db_parameters(connection=session.connection) for f in (old, new)]
    if _is_free(old, new) or kinds[0] == kinds[1]:
        if _differ(old, new):
            yield expand(AlterField(*where, new))
        return
    if kinds[0]["type"] == kinds[1]["type"]:
        yield contract(ConstrainField(*where, new))
        return
    if new.primary_key or old.primary_key:
        raise key_refusal(*where)
    yield expand(ChangeTypeExpand(*where, new))
    yield backfill(ChangeTypeBackfill(*where, new))
    yield contract(ChangeTypeContract(*where, new))


def _filled(operation: AlterField, new: Any) -> Steps:
    where = (operation.model_name, operation.name)
    default = new.db_default if new.has_db_default() else new.default
    if default is not NOT_PROVIDED:
        value = default() if callable(default) else default
        condition = Q(**{f"{operation.name}__isnull": True})
        yield backfill(Backfill(where[0], {operation.name: value}, condition))
    step = SetNotNull(*where, new, preserve_default=operation.preserve_default)
    yield contract(step)


def _is_free(old: Any, new: Any) -> bool:
    """Whether PostgreSQL changes the type without touching a row."""
    kinds = (old.get_internal_type(), new.get_internal_type())
    if kinds == ("CharField", "CharField"):
        return _length(old) <= _length(new)
    if kinds == ("DecimalField", "DecimalField"):
        same_scale = old.decimal_places == new.decimal_places
        return same_scale and bool(old.max_digits <= new.max_digits)
    return kinds == ("CharField", "TextField")


def _length(field: Any) -> float:
    return float("inf") if field.max_length is None else float(field.max_length)


def _with(field: Any, other: Any, aspects: tuple[str, ...]) -> Any:
    """Return the field with these aspects of another's."""
    copy = field.clone()
    for aspect in aspects:
        if hasattr(other, aspect) and hasattr(copy, aspect):
            setattr(copy, aspect, getattr(other, aspect))
    return copy


def _differ(one: Any, other: Any) -> bool:
    return bool(one.deconstruct()[1:] != other.deconstruct()[1:])
