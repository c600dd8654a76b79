"""NOT NULL without a scan under a blocking lock."""

from __future__ import annotations

from django.db.migrations import AlterField
from psycopg import sql

from migrationops.exceptions import RefusedError
from migrationops.operations import catalog
from migrationops.operations.base import Change, SafeOperation, field_of
from migrationops.operations.enforcement import lift, validation
from migrationops.operations.names import object_name
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session


class SetNotNull(SafeOperation, AlterField):
    """AlterField from null=True to null=False; rows with NULL are the Backfill's."""

    def forwards(self, session: Session, change: Change) -> None:
        old = field_of(change.old, self.name)
        new = field_of(change.new, self.name)
        if session.editor._field_should_be_altered(
            old, new, ignore={"null", "default"}
        ):
            raise RefusedError(
                f"SetNotNull changes nothing but null, and {self.model_name}."
                f"{self.name} differs in more; nothing was changed.",
                remedy="Make the other changes in an AlterField before it.",
            )
        table = session.relation(change.new._meta.db_table)
        set_not_null(session, table, new.column)

    def backwards(self, session: Session, change: Change) -> None:
        table = session.relation(change.old._meta.db_table)
        drop_not_null(session, table, field_of(change.old, self.name).column)

    def describe(self) -> str:
        return f"Set NOT NULL on {self.model_name}.{self.name}, without blocking"


def set_not_null(
    session: Session, table: Relation, column: str, *, name: str = ""
) -> None:
    """Prove it, then set it: natively from 18, by way of a CHECK before.

    `name` is that of the constraint, if not the one that PostgreSQL would give.
    """
    if session.version >= catalog.NATIVE_NOT_NULL:
        wanted = name or object_name(table.name, column, "not_null")
        _natively(session, table, column, wanted)
    else:
        _by_check(session, table, column)


def drop_not_null(session: Session, table: Relation, column: str) -> None:
    session.run(_alter_column(table, column, "DROP NOT NULL"))
    if session.version < catalog.NATIVE_NOT_NULL:
        lift(session, table, _proof(table, column))


def _natively(session: Session, table: Relation, column: str, wanted: str) -> None:
    known = catalog.not_null_constraint(session, table, column)
    name, validated = known or (wanted, False)
    if known is None:
        session.run(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} NOT NULL {} NOT VALID").format(
                table.identifier, sql.Identifier(name), sql.Identifier(column)
            )
        )
    if not validated:
        session.run(validation(table, name))


def _by_check(session: Session, table: Relation, column: str) -> None:
    """Four statements: DROP in the same ALTER as SET would take the proof away."""
    proof = _proof(table, column)
    done = catalog.is_not_null(session, table, column)
    state = catalog.constraint(session, table, proof)
    if done and state is None:
        return
    if state is None:
        session.run(
            sql.SQL(
                "ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID"
            ).format(table.identifier, sql.Identifier(proof), sql.Identifier(column))
        )
    if not done:
        if not state:
            session.run(validation(table, proof))
        session.run(_alter_column(table, column, "SET NOT NULL"))
    lift(session, table, proof)


def _alter_column(table: Relation, column: str, action: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ALTER COLUMN {} {}").format(
        table.identifier, sql.Identifier(column), sql.SQL(action)
    )


def _proof(table: Relation, column: str) -> str:
    return object_name(table.name, column, "is_not_null")
