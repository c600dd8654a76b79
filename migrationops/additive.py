"""Which operations only add: nothing is rewritten, narrowed or deleted by them."""

from __future__ import annotations

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    CreateExtension,
    ValidateConstraint,
)
from django.db.migrations import operations
from django.db.migrations.operations.base import Operation
from django.db.models import Field

_ADDITIVE = (
    AddConstraintNotValid,
    AddIndexConcurrently,
    CreateExtension,
    ValidateConstraint,
    operations.AddIndex,
    operations.AlterModelManagers,
    operations.AlterModelOptions,
    operations.CreateModel,
)


def is_additive(operation: Operation) -> bool:
    """Return whether a backup from before it would miss nothing that it removes.

    An operation from elsewhere says so itself, by an attribute `additive`.
    """
    match operation:
        case operations.AddField(field=field):
            return _is_free(field)
        case operations.SeparateDatabaseAndState(database_operations=inner):
            return all(map(is_additive, inner))
        case _:
            declared = getattr(operation, "additive", False)
            return isinstance(operation, _ADDITIVE) or bool(declared)


def _is_free(field: Field[object, object]) -> bool:
    """A column that old rows need no value for."""
    return bool(field.null or field.has_db_default()) and not field.generated
