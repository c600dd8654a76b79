"""UNIQUE: the index first, concurrently, then the constraint upon it."""

from __future__ import annotations

from typing import Any

from django.db.backends.ddl_references import Statement
from django.db.migrations import AddConstraint
from django.db.models import UniqueConstraint

from migrationops.operations import catalog
from migrationops.operations.base import Change, SafeOperation
from migrationops.operations.enforcement import lift, qualified
from migrationops.operations.indexes import attach, build, drop
from migrationops.operations.names import object_name
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session

_ADOPTION = (
    "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s UNIQUE USING INDEX %(name)s"
    "%(deferrable)s"
)


class AddUnique(SafeOperation, AddConstraint):
    """AddConstraint of a UniqueConstraint, partial and functional ones included."""

    def __init__(self, model_name: str, constraint: UniqueConstraint) -> None:
        if not isinstance(constraint, UniqueConstraint):
            raise TypeError("AddUnique.constraint must be a UniqueConstraint.")
        super().__init__(model_name, constraint)

    def forwards(self, session: Session, change: Change) -> None:
        model = change.new
        table = session.relation(model._meta.db_table)
        statement: Any = self.constraint.create_sql(model, session.editor)
        make_unique(session, table, self.constraint.name, statement)

    def backwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.new._meta.db_table)
        statement: Any = self.constraint.create_sql(change.new, session.editor)
        end_unique(session, table, self.constraint.name, statement)

    def describe(self) -> str:
        return f"Add unique {self.constraint.name} to {self.model_name}, index first"


def make_unique(
    session: Session,
    table: Relation,
    name: str,
    statement: Statement,
    *,
    tablespace: str = "",
) -> None:
    """Build the index of Django's statement; make a constraint of it if it is one."""
    indexing = session.editor.sql_create_unique_index
    by_index = statement.template == indexing
    if not by_index and catalog.is_partitioned(session, table):
        _make_unique_by_partition(session, table, name, statement, tablespace)
        return
    if catalog.constraint(session, table, name) is not None:
        return
    concurrently = indexing.replace("INDEX", "INDEX CONCURRENTLY", 1)
    parts: dict[str, Any] = {**qualified(statement, table).parts}
    parts["condition"] = f"{tablespace}{parts.get('condition', '')}"
    build(session, table, name, Statement(concurrently, **parts))
    if not by_index:
        session.run(Statement(_ADOPTION, **parts))


def _make_unique_by_partition(
    session: Session, table: Relation, name: str, statement: Statement, tablespace: str
) -> None:
    """Constrain the parent alone (no scan), then each partition, and attach it.

    A partitioned table cannot have a constraint USING INDEX.
    """
    if catalog.constraint(session, table, name) is None:
        session.run(
            Statement(
                statement.template, **{**statement.parts, "table": f"ONLY {table}"}
            )
        )
    for partition in catalog.partitions_without(session, table, name):
        mine = object_name(partition.name, name, "key")
        parts = {**statement.parts, "name": session.editor.quote_name(mine)}
        theirs = Statement(statement.template, **parts)
        make_unique(session, partition, mine, theirs, tablespace=tablespace)
        attach(session, table, name, partition, mine)


def end_unique(
    session: Session, table: Relation, name: str, statement: Statement
) -> None:
    """Drop the constraint, and the index that a killed run left without one."""
    if statement.template != session.editor.sql_create_unique_index:
        lift(session, table, name)
    drop(session, table, name)
