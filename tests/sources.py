"""The project's Python files, measured by their syntax."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("chores", "config", "migrationops")


@dataclass(frozen=True)
class Module:
    """One file; `name` is its path from the root."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def is_migration(self) -> bool:
        return self.path.parent.name == "migrations" and self.path.stem != "__init__"

    @cached_property
    def lines(self) -> int:
        return len(self.path.read_text().splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text())

    @property
    def functions(self) -> list[tuple[str, int]]:
        """Names, with the lines from `def` to the last statement."""
        return [
            (f"{self.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]


def modules(*packages: str) -> list[Module]:
    """Return the modules of packages, all of ours by default, in order."""
    return [
        Module(path)
        for package in packages or PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    ]
