"""Hashes of migration files: their meaning counts, their layout does not."""

from __future__ import annotations

import ast
import hashlib
import inspect
from functools import cache
from pathlib import Path

from django.db.migrations import Migration


def source_hash(migration: Migration) -> str:
    """Return SHA-256 of a migration's syntax: comments and layout do not count."""
    path = inspect.getsourcefile(type(migration))
    if path is None:
        return ""
    return hash_source(Path(path).read_text())


@cache  # every stage of a run asks again, of hundreds
def hash_source(source: str) -> str:
    return hashlib.sha256(_canonical(ast.parse(source)).encode()).hexdigest()


def _canonical(node: object) -> str:
    """Write a syntax tree without positions, empty fields or docstrings.

    Not ast.dump: its text differs between Python versions.
    """
    if isinstance(node, list):
        return "[" + ",".join(_canonical(n) for n in node if not _is_doc(n)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = [
        f"{name}={_canonical(value)}"
        for name, value in ast.iter_fields(node)
        if value not in (None, [])
    ]
    return f"{type(node).__name__}({','.join(parts)})"


def _is_doc(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
