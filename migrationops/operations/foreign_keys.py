"""A new foreign key without a scan or an index build under a blocking lock."""

from __future__ import annotations

from django.db.migrations import AddField
from django.db.models import ForeignKey

from migrationops.operations.base import AnyField, Change, SafeOperation, field_of
from migrationops.operations.columns import (
    add_column,
    dress,
    drop_column,
    foreign_key_name,
    refuse_one_off_default,
)
from migrationops.operations.enforcement import lift
from migrationops.operations.session import Session


class AddForeignKey(SafeOperation, AddField):
    """AddField of a ForeignKey: column, index concurrently, NOT VALID, VALIDATE."""

    def __init__(
        self,
        model_name: str,
        name: str,
        field: AnyField,
        preserve_default: bool = True,
    ) -> None:
        if not isinstance(field, ForeignKey):
            raise TypeError("AddForeignKey.field must be a ForeignKey.")
        super().__init__(model_name, name, field, preserve_default)

    def forwards(self, session: Session, change: Change) -> None:
        field = field_of(change.new, self.name)
        refuse_one_off_default(self, session, field)
        add_column(session, change.new, field, default=False)
        dress(session, change.new, field)

    def backwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.old._meta.db_table)
        field = field_of(change.old, self.name)
        lift(session, table, foreign_key_name(session, change.old, field))
        drop_column(session, table, field.column)

    def describe(self) -> str:
        return f"Add foreign key {self.name} to {self.model_name}, then validate"
