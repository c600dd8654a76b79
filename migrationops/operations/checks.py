"""CHECK constraints without a scan under a blocking lock."""

from __future__ import annotations

from typing import Any

from django.db.migrations import AddConstraint
from django.db.models import CheckConstraint

from migrationops.operations.base import Change, SafeOperation
from migrationops.operations.enforcement import enforce, lift
from migrationops.operations.session import Session


class AddCheck(SafeOperation, AddConstraint):
    """AddConstraint of a CheckConstraint: NOT VALID, then VALIDATE."""

    def __init__(self, model_name: str, constraint: CheckConstraint) -> None:
        if not isinstance(constraint, CheckConstraint):
            raise TypeError("AddCheck.constraint must be a CheckConstraint.")
        super().__init__(model_name, constraint)

    def forwards(self, session: Session, change: Change) -> None:
        model = change.new
        table = session.relation(model._meta.db_table)
        statement: Any = self.constraint.create_sql(model, session.editor)
        enforce(session, table, self.constraint.name, statement)

    def backwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.new._meta.db_table)
        lift(session, table, self.constraint.name)

    def describe(self) -> str:
        return f"Add check {self.constraint.name} to {self.model_name}, then validate"
