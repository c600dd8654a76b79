"""Runs a task in a child process that can reach its shadow database only."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from django.conf import settings
from django.db import connections

from migrationops.exceptions import MigrationOpsError
from migrationops.graph import Key
from migrationops.postgres import databases, tools
from migrationops.postgres.tools import Programs
from migrationops.shadow.database import Shadow
from migrationops.shadow.isolation import Refusal

_IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system()), oid::bigint
FROM pg_database WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a task returned, or the error that ended it; and what was refused it."""

    result: Any = None
    error: str | None = None
    refusals: tuple[Refusal, ...] = ()


def run_task(
    task: str, *, alias: str, shadow: Shadow, migrations: Sequence[Key]
) -> Outcome:
    """Run "module:function" with the settings' aliases pointing at the shadow.

    Raises ToolFailedError when the process itself breaks down.
    """
    instructions = {
        "task": task,
        "alias": alias,
        "shadow": shadow.params,
        "aliases": _aliases(alias),
        "migrations": list(migrations),
    }
    python = Path(sys.executable)
    with _piped(json.dumps(instructions).encode()) as stdin:
        output = tools.run(
            Programs(directory=python.parent, version=""),
            python.name,
            "-m",
            "migrationops.shadow.child",
            environment=_environment(),
            stdin=stdin,
        )
    data = json.loads(output)
    refusals = tuple(Refusal(**r) for r in data.pop("refusals"))
    return Outcome(**data, refusals=refusals)


@contextmanager
def _piped(data: bytes) -> Iterator[IO[bytes]]:
    """Give what a child reads on stdin; never a file, since it holds a password."""
    reading, writing = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as stream:
            stream.write(data)

    writer = threading.Thread(target=write, name="instructions")
    writer.start()
    with os.fdopen(reading, "rb") as stream:
        yield stream
    writer.join()


def _aliases(alias: str) -> dict[str, bool]:
    """Tell of each alias whether it is the same database, whatever it is called."""
    own = _identity(alias)
    return {name: name == alias or _identity(name) == own for name in connections}


def _identity(alias: str) -> object:
    if connections[alias].vendor != "postgresql":
        return alias
    try:
        with databases.connect(alias) as connection:
            return connection.execute(_IDENTITY).fetchone()
    except (MigrationOpsError, psycopg.Error):
        return alias


def _environment() -> dict[str, str]:
    """Let the child import what we can, from the same settings."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
    }
