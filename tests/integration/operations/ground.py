"""A schema of its own in the test database, and Django's way of migrating it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connection, migrations
from django.db.migrations.state import ProjectState

from migrationops.postgres.statements import StatementClass, classify

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "shop_ground"
APP = "shop"
_PARTS = {
    "column": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
               l.collname, col_description(c.oid, a.attnum)
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
          LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
          LEFT JOIN pg_collation l ON l.oid = a.attcollation
         WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraint": """
        SELECT c.relname, n.conname, n.contype, pg_get_constraintdef(n.oid),
               n.convalidated
          FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid WHERE true""",
    "index": """
        SELECT c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indimmediate,
               t.spcname
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
          JOIN pg_class x ON x.oid = i.indexrelid
          LEFT JOIN pg_tablespace t ON t.oid = x.reltablespace WHERE true""",
    "trigger": """
        SELECT c.relname, pg_get_triggerdef(t.oid)
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
         WHERE NOT t.tgisinternal""",
    "function": """
        SELECT c.proname FROM (SELECT proname, pronamespace AS relnamespace
                                 FROM pg_proc) c WHERE true""",
}


class Ground:
    """Applies operations one by one, and says what the catalog holds."""

    _scripts: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        self.connection: Any = connection

    def make(self) -> None:
        """Begin with an empty schema."""
        self.run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")

    def begin(self, operations: list[Any]) -> None:
        """Begin with what these operations make, by their SQL: often and fast."""
        key = repr(_plain(operations))
        if key not in self._scripts:
            migration = Migration("0001_begin", operations)
            with self.connection.schema_editor(collect_sql=True) as editor:
                migration.apply(ProjectState(), editor, collect_sql=True)
            self._scripts[key] = "\n".join(editor.collected_sql)
        self.make()
        self.run(self._scripts[key])

    def run(self, query: str, params: Any = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, params)
            return list(cursor.fetchall()) if cursor.description else []

    def apply(self, state: ProjectState, *operations: Any) -> ProjectState:
        """Apply as a migration with atomic = False; return the state after."""
        migration = Migration("0001_test", operations)
        with self.connection.schema_editor(atomic=False) as editor:
            return migration.apply(state.clone(), editor)

    def unapply(self, state: ProjectState, *operations: Any) -> None:
        """Unapply what led from `state`."""
        migration = Migration("0001_test", operations)
        with self.connection.schema_editor(atomic=False) as editor:
            migration.unapply(state.clone(), editor)

    def collect(self, state: ProjectState, *operations: Any) -> list[str]:
        """Return what sqlmigrate prints."""
        migration = Migration("0001_test", operations)
        with self.connection.schema_editor(collect_sql=True, atomic=False) as editor:
            migration.apply(state.clone(), editor, collect_sql=True)
            return [s for s in editor.collected_sql if not s.startswith("--")]

    def catalog(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the schema's parts by kind, named, sorted, without numbers."""
        return {
            kind: sorted(
                self.run(f"{query} AND c.relnamespace = %s::regnamespace", [SCHEMA]),
                key=repr,
            )
            for kind, query in _PARTS.items()
        }

    @contextmanager
    def killed_at(self, point: int) -> Iterator[list[str]]:
        """Terminate our own backend before schema statement `point` (from 0).

        Gives the list of the statements that ran.
        """
        ran: list[str] = []

        def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
            if _changes_schema(sql):
                if len(ran) == point:
                    execute("SELECT pg_terminate_backend(pg_backend_pid())", *rest)
                ran.append(sql)
            return execute(sql, *rest)

        with self.connection.execute_wrapper(wrapper):
            yield ran


def _plain(value: Any) -> Any:
    """Take apart what does not show in its repr: a field shows its class only."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return _plain(value.deconstruct()) if hasattr(value, "deconstruct") else value


class Migration(migrations.Migration):
    """One migration of the app, with these operations."""

    atomic = False

    def __init__(self, name: str, operations: Any) -> None:
        super().__init__(name, APP)
        self.operations = list(operations)


def _changes_schema(sql: str) -> bool:
    return classify(sql) not in (StatementClass.DATA, StatementClass.SESSION)


def state_with(*operations: Any) -> ProjectState:
    """Return the state after the operations, without a database."""
    state = ProjectState()
    for operation in operations:
        operation.state_forwards(APP, state)
    return state
