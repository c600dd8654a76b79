"""A second column that follows a first, until it takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from migrationops.operations import catalog
from migrationops.operations.names import object_name
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """`target` of `type` follows `source`; both ways, the source follows it too.

    `owner` is the column that gives the trigger its name.
    """

    table: Relation
    owner: str
    source: str
    target: str
    type: str
    collation: str | None = None
    both_ways: bool = False

    @property
    def trigger(self) -> str:
        """Name trigger and function; zz: it fires after triggers that set a value."""
        return object_name(f"zz_{self.table.name}", self.owner, "twin")


def type_of(session: Session, field: Any) -> tuple[str, str | None]:
    """Return a field's column type and collation."""
    parameters = field.db_parameters(connection=session.connection)
    return parameters["type"], parameters.get("collation")


def add(session: Session, twin: Twin) -> None:
    """Add the target, empty, and the trigger that fills it in new rows."""
    if not catalog.has_column(session, twin.table, twin.target):
        collate = (
            sql.SQL(" COLLATE {}").format(sql.Identifier(twin.collation))
            if twin.collation
            else sql.SQL("")
        )
        session.run(
            sql.SQL("ALTER TABLE {} ADD COLUMN {} {}{}").format(
                twin.table.identifier,
                sql.Identifier(twin.target),
                sql.SQL(twin.type),
                collate,
            )
        )
    session.run_together(*following(twin))


def following(twin: Twin) -> tuple[sql.Composed, sql.Composed]:
    """Return the statements that make the trigger follow this twin."""
    name = twin.table.sibling(twin.trigger)
    body = (_BOTH_WAYS if twin.both_ways else _ONE_WAY).format(
        source=sql.Identifier(twin.source),
        target=sql.Identifier(twin.target),
        type=sql.SQL(twin.type),
    )
    return (
        sql.SQL(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {}"
        ).format(name, sql.Literal(body.as_string())),
        sql.SQL(
            "CREATE OR REPLACE TRIGGER {} BEFORE INSERT OR UPDATE ON {} "
            "FOR EACH ROW EXECUTE FUNCTION {}()"
        ).format(sql.Identifier(twin.trigger), twin.table.identifier, name),
    )


def unfollowing(twin: Twin) -> tuple[sql.Composed, sql.Composed]:
    """Return the statements that end it."""
    return (
        sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
            sql.Identifier(twin.trigger), twin.table.identifier
        ),
        sql.SQL("DROP FUNCTION IF EXISTS {}()").format(
            twin.table.sibling(twin.trigger)
        ),
    )


def remove(session: Session, twin: Twin) -> None:
    """Take trigger and target away, in one step."""
    session.run_together(
        *unfollowing(twin),
        sql.SQL("ALTER TABLE {} DROP COLUMN IF EXISTS {}").format(
            twin.table.identifier, sql.Identifier(twin.target)
        ),
    )


_ONE_WAY = sql.SQL(
    "BEGIN\n  NEW.{target} := CAST(NEW.{source} AS {type});\n  RETURN NEW;\nEND"
)
# Which column was written: in a new row the target if it has a value, in a changed
# row the one that changed.
_BOTH_WAYS = sql.SQL(
    "BEGIN\n"
    "  IF TG_OP = 'INSERT' AND NEW.{target} IS NOT NULL\n"
    "     OR TG_OP = 'UPDATE' AND NEW.{target} IS DISTINCT FROM OLD.{target} THEN\n"
    "    NEW.{source} := NEW.{target};\n"
    "  ELSE\n"
    "    NEW.{target} := NEW.{source};\n"
    "  END IF;\n"
    "  RETURN NEW;\n"
    "END"
)
