"""An operation's conversation with the database, through its schema editor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.backends.ddl_references import Statement
from psycopg import sql

from migrationops.exceptions import RefusedError
from migrationops.operations.relation import Relation

Runnable = sql.Composable | Statement | str


Parameters = Sequence[Any] | Mapping[str, Any]


class Session:
    """Runs statements by schema_editor.execute() and looks at the live catalog.

    While SQL is only collected (sqlmigrate) every lookup finds nothing, so that the
    whole sequence is written.
    """

    def __init__(self, editor: Any) -> None:
        self.editor = editor
        self.connection = editor.connection

    @property
    def collecting(self) -> bool:
        """Whether SQL is only collected."""
        return bool(self.editor.collect_sql)

    @property
    def version(self) -> int:
        """The server's version as a number, 180004 for 18.4."""
        return int(self.connection.pg_version)

    def run(self, statement: Runnable) -> None:
        """Run one statement, a step of its own."""
        self.editor.execute(text(statement), params=None)

    def run_together(self, *statements: Runnable) -> None:
        """Run several as one step in one transaction: all happen or none.

        They travel as one message, which the server runs in one implicit
        transaction; a script of them needs BEGIN and COMMIT instead.
        """
        body = ";\n".join(text(s) for s in statements)
        if self.collecting:
            body = f"BEGIN;\n{body};\nCOMMIT"
        self.editor.execute(body, params=None)

    def rows(self, query: str, params: Parameters = ()) -> list[tuple[Any, ...]]:
        """Return what the catalog says; nothing while SQL is collected."""
        return [] if self.collecting else self.ask(query, params)

    def relation(self, db_table: str) -> Relation:
        """Find a model's table; one that is not there yet has no schema."""
        quoted = self.editor.quote_name(db_table)
        found = self.ask(_RELATION, [quoted])
        schema, name = found[0] if found else ("", db_table)
        return Relation(schema=schema, name=name)

    def ask(self, query: str, params: Parameters) -> list[tuple[Any, ...]]:
        """Return what the server says, also while SQL is collected."""
        composed = self.connection.ops.compose_sql(query, params)
        with self.connection.cursor() as cursor:
            cursor.execute(composed)
            return list(cursor.fetchall())


_RELATION = """
SELECT n.nspname, c.relname
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass(%s)
"""


def text(statement: Runnable) -> str:
    """Return the SQL as text."""
    if isinstance(statement, sql.Composable):
        return statement.as_string()
    return str(statement)


def open_session(operation: object, editor: Any) -> Session:
    """Return a session; refuse inside a transaction.

    Raises RefusedError: each statement must commit by itself, or the locks of the
    first would be held during the scans of the others.
    """
    if editor.connection.in_atomic_block:
        raise RefusedError(
            f"{type(operation).__name__} runs each statement in a transaction of its "
            "own and cannot run inside one; nothing was changed.",
            remedy="Set atomic = False on the migration.",
        )
    return Session(editor)
