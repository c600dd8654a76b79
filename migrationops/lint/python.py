"""What a RunPython's source says, where it can be read."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from django.db.migrations.operations import RunPython, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.models import Model

_WRITES = {"update", "delete", "bulk_update", "save", "bulk_create", "create"}
_NARROWING = {"filter", "exclude", "get"}
_BATCHING = {"iterator", "batch_size", "chunk_size", "islice", "range"}


def is_python(operation: Operation) -> bool:
    """Does it run Python that nobody has executed yet?"""
    return any(isinstance(part, RunPython) for part in _parts(operation))


def works_by_itself(operation: Operation) -> bool:
    """Does it, or one inside of it, do more than write SQL?"""
    return any(not part.reduces_to_sql for part in _parts(operation))


def _parts(operation: Operation) -> Iterator[Operation]:
    """Yield an operation, or those that run inside of it."""
    if not isinstance(operation, SeparateDatabaseAndState):
        yield operation
        return
    for part in operation.database_operations:
        yield from _parts(part)


def executes_sql(operation: Operation) -> bool:
    """Does its code speak to the server past the ORM?"""
    names = {
        node.attr
        for tree in _trees(operation)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    return bool(names & {"execute", "executemany", "cursor", "copy"})


def imported_models(operation: Operation) -> list[str]:
    """Name the real models that its code reaches by import."""
    found: list[str] = []
    for function in _functions(operation):
        tree = _tree(function)
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        for name in sorted(names):
            value = _global(function, name)
            if inspect.isclass(value) and issubclass(value, Model):
                found.append(f"{value.__module__}.{value.__name__}")
        found += _local_imports(tree)
    return list(dict.fromkeys(found))


def _local_imports(tree: ast.AST) -> list[str]:
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("models")
        if not (node.module or "").startswith("django.db")
        for alias in node.names
    ]


def ignores_alias(operation: Operation) -> bool:
    """Does its code query through a manager without ever naming the alias?"""
    for tree in _trees(operation):
        names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        keywords = {n.arg for n in ast.walk(tree) if isinstance(n, ast.keyword)}
        queries = names & {"objects", "_default_manager", "_base_manager"}
        if queries and not ({"using", "db_manager"} & (names | keywords)):
            return True
    return False


def whole_table_calls(operation: Operation) -> list[str]:
    """Return calls that write, or load, a whole table at once."""
    return [
        call
        for tree in _trees(operation)
        for call in (*_whole_writes(tree), *_whole_loops(tree))
    ]


def _whole_writes(tree: ast.AST) -> Iterator[str]:
    """Yield X.objects.update(...) and .all().delete() without any narrowing."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        chain = _chain(node.func)
        wide = "objects" in chain and not set(chain) & _NARROWING
        if node.func.attr in {"update", "delete"} and wide:
            yield f"{ast.unparse(node.func)}()"


def _whole_loops(tree: ast.AST) -> Iterator[str]:
    """Yield loops over every row that write and do not batch."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.For):
            continue
        chain = _chain(node.iter)
        if "objects" not in chain or set(chain) & _BATCHING:
            continue
        calls = {
            n.func.attr
            for n in ast.walk(node)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        }
        if calls & _WRITES:
            yield f"for ... in {ast.unparse(node.iter)}"


def _chain(node: ast.AST) -> list[str]:
    """Return the names of a chain a.b(...).c, outermost first."""
    names: list[str] = []
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        else:
            node = node.func if isinstance(node, ast.Call) else node.value
    return names


def _trees(operation: Operation) -> list[ast.AST]:
    return [_tree(function) for function in _functions(operation)]


def _functions(operation: Operation) -> list[Callable[..., Any]]:
    """Return the functions that run forwards, below partials and decorators."""
    parts = _parts(operation)
    return [_function(part.code) for part in parts if isinstance(part, RunPython)]


def _function(code: Any) -> Callable[..., Any]:
    while isinstance(code, functools.partial):
        code = code.func
    code = inspect.unwrap(code)
    if not inspect.isroutine(code):
        code = type(code).__call__
    return code  # type: ignore[no-any-return]


def _tree(function: Callable[..., Any]) -> ast.AST:
    """Parse a function's source; an empty tree where there is none to read."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _global(function: Any, name: str) -> Any:
    """Return what a name means in the function's module."""
    return getattr(inspect.unwrap(function), "__globals__", {}).get(name)
