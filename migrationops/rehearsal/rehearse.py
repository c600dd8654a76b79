"""Rehearse a plan: a shadow of the live database, and a child process on it."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psycopg
from django.conf import settings
from django.db import connections

from migrationops.conf import Conf
from migrationops.exceptions import MigrationOpsError
from migrationops.plan import Plan
from migrationops.postgres import databases, introspection, tools
from migrationops.postgres.introspection import TableSize
from migrationops.postgres.tools import Programs
from migrationops.rehearsal.copying import copy_schema
from migrationops.rehearsal.estimate import Estimate, estimate
from migrationops.rehearsal.record import Performance
from migrationops.shadow import Shadow, shadow_database

_IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system()), oid::bigint
FROM pg_database WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a plan did on a shadow database, and what it would do to the live one.

    Holds for this plan and this live catalog only. `lacking` says what the shadow
    could not be given; resuming is exact only when that is nothing.
    """

    plan: str  # the plan's fingerprint
    catalog: str  # the live catalog's
    database: str
    server_version: int
    started: str
    performance: Performance
    lacking: tuple[str, ...] = ()
    estimates: tuple[Estimate, ...] = ()

    @property
    def passed(self) -> bool:
        return self.performance.failure is None

    def holds_for(self, plan: Plan, catalog: str) -> bool:
        """Tell whether it need not be rehearsed again."""
        return self.passed and (self.plan, self.catalog) == (plan.fingerprint, catalog)

    def summary(self) -> dict[str, Any]:
        """Return what a report says of it; the history has the whole."""
        performance = self.performance
        return {
            "statements": len(performance.steps),
            "seconds": round(sum(m.seconds for m in performance.migrations), 3),
            "reversed": performance.reversed,
            "irreversible": list(performance.irreversible),
            "incompatible": list(performance.incompatible),
            "refusals": [r.to_json() for r in performance.refusals],
            "estimates": [asdict(e) for e in self.estimates],
            "lacking": list(self.lacking),
        }

    def to_json(self) -> dict[str, Any]:
        performance = self.performance.to_json()
        return {
            **{key: getattr(self, key) for key in _PLAIN},
            "lacking": list(self.lacking),
            "estimates": [asdict(e) for e in self.estimates],
            "scripts": performance["scripts"],
            "performance": performance,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Rehearsal:
        return cls(
            **{key: data[key] for key in _PLAIN},
            lacking=tuple(data["lacking"]),
            estimates=tuple(Estimate(**e) for e in data["estimates"]),
            performance=Performance.from_json(data["performance"]),
        )


_PLAIN = ("plan", "catalog", "database", "server_version", "started")


def rehearse(plan: Plan, conf: Conf) -> Rehearsal:
    """Run the plan on a shadow of its alias's database.

    Raises PreconditionError or ToolMissingError when there can be no shadow; what
    the plan does wrong is in the result. The live database is only read.
    """
    started = datetime.now(UTC).isoformat()
    with databases.connect(plan.alias) as live:
        catalog = introspection.catalog(live).fingerprint
        sizes = introspection.sizes(live)
        database, version = live.info.dbname, live.info.server_version
    with shadow_database(plan.alias, conf) as shadow:
        lacking = copy_schema(plan.alias, shadow, conf)
        performance = _in_child(plan, shadow)
    return Rehearsal(
        plan=plan.fingerprint,
        catalog=catalog,
        database=database,
        server_version=version,
        started=started,
        performance=performance,
        lacking=lacking,
        estimates=_estimates(performance, sizes),
    )


def _estimates(
    performance: Performance, sizes: Mapping[str, TableSize]
) -> tuple[Estimate, ...]:
    return tuple(
        found
        for migration in performance.migrations
        for step in migration.steps
        for found in estimate(migration.label, step, sizes)
    )


def _in_child(plan: Plan, shadow: Shadow) -> Performance:
    instructions = {
        "alias": plan.alias,
        "shadow": shadow.params,
        "aliases": _aliases(plan.alias),
        "migrations": [m.key for m in plan.migrations],
    }
    python = Path(sys.executable)
    with _piped(json.dumps(instructions).encode()) as stdin:
        output = tools.run(
            Programs(directory=python.parent, version=""),
            python.name,
            "-m",
            "migrationops.rehearsal.child",
            environment=_environment(),
            stdin=stdin,
        )
    try:
        return Performance.from_json(json.loads(output))
    except ValueError as exc:
        raise MigrationOpsError(
            f"The rehearsal's process gave no result: {exc}"
        ) from exc


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
