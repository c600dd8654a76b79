"""A schema editor that writes SQL and never connects.

It runs an operation's own code, so that the SQL is Django's; what the code asks of
the database is answered from the simulated world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import connections
from psycopg import sql

from migrationops.lint.simulation.world import World
from migrationops.schema import Constraint, Index, Table

Collect = Callable[[str], None]


class NoDatabaseError(Exception):
    """The operation wants to talk to the database; lint has none for it."""


class _Cursor:
    """Answers every question with nothing."""

    description = None
    rowcount = 0

    def execute(self, *_args: Any) -> None: ...

    def fetchone(self) -> None:
        return None

    def fetchall(self) -> list[Any]:
        return []

    def __iter__(self) -> Iterator[Any]:
        return iter(())


def schema_editor(alias: str, world: World, collect: Collect) -> Any:
    """Return an editor like the alias's own; `collect` gets each statement's text.

    Any: it is a subclass of whatever backend the alias has.
    """
    live: Any = connections[alias]
    return _editor_class(live, collect)(_connection(live, alias, world))


@contextmanager
def cut_off() -> Iterator[None]:
    """Let no alias reach a database; whoever asks one gets NoDatabaseError.

    An operation may well write past the editor that it is given.
    """
    live = {alias: connections[alias] for alias in connections}
    for alias, wrapper in live.items():
        kind: Any = type(wrapper)
        connections[alias] = _unreachable(kind)(wrapper.settings_dict, alias)
    try:
        yield
    finally:
        for alias, wrapper in live.items():
            connections[alias] = wrapper


@cache
def _unreachable(base: Any) -> Any:
    class Unreachable(base):  # type: ignore[misc]
        def ensure_connection(self) -> None:
            raise NoDatabaseError

    return Unreachable


def _connection(live: Any, alias: str, world: World) -> Any:
    base = type(live)

    class Introspection(base.introspection_class):  # type: ignore[misc,name-defined]
        def get_constraints(self, _cursor: Any, table: str) -> dict[str, Any]:
            found = world.find(world.qualify((table,)))
            return _constraints(found) if found else {}

        def get_sequences(self, *_args: Any) -> list[Any]:
            return []

    class Operations(base.ops_class):  # type: ignore[misc,name-defined]
        def compose_sql(self, text: str, params: Any) -> str:
            return composed(text, params)

    class Offline(base):  # type: ignore[misc,valid-type]
        introspection_class = Introspection
        ops_class = Operations
        pg_version = world.facts.number

        def get_new_connection(self, _params: Any) -> Any:
            raise NoDatabaseError

        @contextmanager
        def cursor(self) -> Iterator[_Cursor]:
            yield _Cursor()

    return Offline(live.settings_dict, alias)


def _editor_class(live: Any, collect: Collect) -> Any:
    class Editor(live.SchemaEditorClass):  # type: ignore[misc]
        def __init__(self, connection: Any) -> None:
            super().__init__(connection, collect_sql=True, atomic=False)
            self.deferred_sql: list[Any] = []

        def execute(self, statement: Any, params: Any = ()) -> None:
            text = str(statement)
            collect(text if params is None else composed(text, params))

        def quote_value(self, value: Any) -> str:
            return sql.quote(value)

    return Editor


def composed(text: str, params: Any) -> str:
    """Put the parameters into the text, as the server would read them."""
    if isinstance(params, Mapping):
        return text % {name: sql.quote(value) for name, value in params.items()}
    return text % tuple(sql.quote(value) for value in params)


def _constraints(table: Table) -> dict[str, Any]:
    """Answer as Django's introspection does."""
    found = {c.name: _constraint(c) for c in table.constraints if c.kind != "n"}
    named = ((i.name, i) for i in table.indexes if not i.constraint)
    return found | {name: _index(index) for name, index in named}


def _constraint(constraint: Constraint) -> dict[str, Any]:
    references = constraint.references
    target = (references.rpartition(".")[2], "") if references else None
    return {
        "columns": list(constraint.columns),
        "primary_key": constraint.kind == "p",
        "unique": constraint.kind in {"p", "u"},
        "foreign_key": target,
        "check": constraint.kind == "c",
        "index": False,
        "definition": None,
        "options": None,
        "type": None,
    }


def _index(index: Index) -> dict[str, Any]:
    return {
        "columns": _plain(index.columns),
        "primary_key": index.primary,
        "unique": index.unique,
        "foreign_key": None,
        "check": False,
        "index": True,
        "definition": index.definition,
        "options": None,
        "type": "idx",
        "orders": [],
    }


def _plain(columns: Iterable[str]) -> list[str]:
    return [column for column in columns if not column.startswith("(")]
