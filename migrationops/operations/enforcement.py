"""Constraints that are added without a scan and validated without blocking."""

from __future__ import annotations

from django.db.backends.ddl_references import Statement
from psycopg import sql

from migrationops.operations import catalog
from migrationops.operations.relation import Relation
from migrationops.operations.session import Runnable, Session


def enforce(session: Session, table: Relation, name: str, addition: Statement) -> None:
    """Add NOT VALID (a brief lock), then VALIDATE (writers go on)."""
    state = catalog.constraint(session, table, name)
    if state is None:
        session.run(f"{qualified(addition, table)} NOT VALID")
    if not state:
        session.run(validation(table, name))


def qualified(statement: Statement, table: Relation) -> Statement:
    """Return Django's statement with the table's schema spelled out."""
    return Statement(statement.template, **{**statement.parts, "table": str(table)})


def validation(table: Relation, name: str) -> Runnable:
    return sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(
        table.identifier, sql.Identifier(name)
    )


def lift(session: Session, table: Relation, name: str) -> None:
    """Drop the constraint if it is there."""
    session.run(
        sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
            table.identifier, sql.Identifier(name)
        )
    )
