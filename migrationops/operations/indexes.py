"""Indexes built and dropped while readers and writers go on."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
)
from django.db.backends.ddl_references import Statement
from django.db.migrations.state import ProjectState
from django.db.models import Index, Model
from psycopg import sql

from migrationops.operations import catalog
from migrationops.operations.base import Change, SafeOperation
from migrationops.operations.enforcement import qualified
from migrationops.operations.names import object_name
from migrationops.operations.relation import Relation
from migrationops.operations.session import Runnable, Session


class AddIndex(SafeOperation, AddIndexConcurrently):
    """AddIndex, concurrently; an INVALID left-over is dropped and built anew.

    On a partitioned table, partition by partition.
    """

    def forwards(self, session: Session, change: Change) -> None:
        add_index(session, change.new, self.index)

    def backwards(self, session: Session, change: Change) -> None:
        remove_index(session, change.old, self.index)


class RemoveIndex(SafeOperation, RemoveIndexConcurrently):
    """RemoveIndex, concurrently."""

    def forwards(self, session: Session, change: Change) -> None:
        remove_index(session, change.old, self._index(change, change.before))

    def backwards(self, session: Session, change: Change) -> None:
        add_index(session, change.new, self._index(change, change.after))

    def _index(self, change: Change, state: ProjectState) -> Index:
        model: Any = state.models[change.app_label, self.model_name_lower]
        index: Index = model.get_index_by_name(self.name)
        return index


def add_index(session: Session, model: type[Model], index: Index) -> None:
    table = session.relation(model._meta.db_table)
    statement: Any = index.create_sql(model, session.editor, concurrently=True)
    build(session, table, index.name, qualified(statement, table))


def remove_index(session: Session, model: type[Model], index: Index) -> None:
    drop(session, session.relation(model._meta.db_table), index.name)


def build(session: Session, table: Relation, name: str, statement: Runnable) -> None:
    """Run a CREATE INDEX CONCURRENTLY unless a valid index of the name is there."""
    state = catalog.index(session, table, name)
    if isinstance(statement, Statement) and catalog.is_partitioned(session, table):
        if not state:
            _build_by_partition(session, table, name, statement, begun=state is False)
        return
    if state is False:
        drop(session, table, name)
    if not state:
        session.run(statement)


def _build_by_partition(
    session: Session, table: Relation, name: str, statement: Statement, *, begun: bool
) -> None:
    """Make it on the parent alone, where it is INVALID until every partition has its.

    The parent's comes first: partitions that are made meanwhile get theirs by it.
    """
    if not begun:
        template = statement.template.replace(" CONCURRENTLY", "", 1)
        parts = {**statement.parts, "table": f"ONLY {table}"}
        session.run(Statement(template, **parts))
    for partition in catalog.partitions_without(session, table, name):
        mine = object_name(partition.name, name, "idx")
        quoted = session.editor.quote_name(mine)
        parts = {**statement.parts, "table": str(partition), "name": quoted}
        build(session, partition, mine, Statement(statement.template, **parts))
        attach(session, table, name, partition, mine)


def attach(
    session: Session, table: Relation, name: str, partition: Relation, mine: str
) -> None:
    """Make a partition's index part of the parent's."""
    session.run(
        sql.SQL("ALTER INDEX {} ATTACH PARTITION {}").format(
            table.sibling(name), partition.sibling(mine)
        )
    )


def drop(session: Session, table: Relation, name: str) -> None:
    """Drop the index if it is there; one of a partitioned table takes the lock."""
    whole = catalog.is_partitioned(session, table)
    session.run(
        sql.SQL("DROP INDEX {}IF EXISTS {}").format(
            sql.SQL("" if whole else "CONCURRENTLY "), table.sibling(name)
        )
    )
