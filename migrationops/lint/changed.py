"""Which migrations a working copy changed since a revision."""

from __future__ import annotations

import inspect
import os
import shutil
from pathlib import Path

from django.db.migrations.loader import MigrationLoader

from migrationops.exceptions import PreconditionError, ToolFailedError
from migrationops.graph import Key
from migrationops.postgres import tools
from migrationops.postgres.tools import Programs


def since(revision: str, loader: MigrationLoader) -> set[Key]:
    """Return the migrations whose files git names as changed or new.

    Raises PreconditionError without git, or for a revision that it does not know.
    """
    root = Path(_git("rev-parse", "--show-toplevel")[0])
    names = _git("diff", "--name-only", "--end-of-options", revision, "--")
    names += _git("ls-files", "--others", "--exclude-standard", "--full-name")
    files = {(root / name).resolve() for name in names}
    return {
        key
        for key, migration in loader.graph.nodes.items()
        if _file(migration) in files
    }


def _file(migration: object) -> Path | None:
    source = inspect.getsourcefile(type(migration))
    return Path(source).resolve() if source else None


def _git(*arguments: str) -> list[str]:
    program = shutil.which("git")
    if program is None:
        raise PreconditionError(
            "--since needs git, which is not on the PATH.",
            remedy="Install git, or leave --since out.",
        )
    programs = Programs(directory=Path(program).parent, version="0")
    try:
        text = tools.run(programs, "git", *arguments, environment=dict(os.environ))
    except ToolFailedError as exc:
        raise PreconditionError(
            f"git does not answer: {exc}",
            remedy="Run it in a checkout that knows the revision, or leave "
            "--since out.",
        ) from exc
    return text.splitlines()
