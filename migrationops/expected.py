"""The schema that the applied migrations define: what they make of an empty database.

Replayed on a shadow by a guarded process, once for each state of the graph and each
version of the server, of Django and of how we read a catalog; the catalog is kept as
JSON under STATE_DIR.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import django
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from migrationops import graph, schema
from migrationops.conf import Conf
from migrationops.exceptions import MigrationOpsError
from migrationops.graph import Key
from migrationops.postgres import databases, introspection
from migrationops.schema import Catalog
from migrationops.shadow.child import Instructions
from migrationops.shadow.database import shadow_database
from migrationops.shadow.isolation import Isolation, allowed_events
from migrationops.shadow.process import run_task
from migrationops.sources import hash_source, source_hash


def expected_catalog(
    alias: str, conf: Conf, applied: Collection[Key] | None = None
) -> Catalog:
    """Return the catalog that these migrations lead to; None means those recorded.

    Raises MigrationOpsError when they cannot be replayed.
    """
    loader = graph.load(alias)
    keys = in_order(loader, loader.applied_migrations if applied is None else applied)
    path = conf.state_dir / "expected" / f"{_state(alias, loader, keys)}.json"
    if path.exists():
        return Catalog.from_json(json.loads(path.read_text()))
    with shadow_database(alias, conf) as shadow:
        outcome = run_task(
            "migrationops.expected:replay", alias=alias, shadow=shadow, migrations=keys
        )
    if outcome.error:
        raise MigrationOpsError(
            "The applied migrations cannot be replayed on an empty database, so the "
            f"schema that they define is not known: {outcome.error}",
            remedy="Correct that migration so that it runs without rows; where it was "
            "refused something that it needs, let it say so in rehearsal_allows.",
        )
    _keep(path, outcome.result)
    return Catalog.from_json(outcome.result)


def in_order(loader: MigrationLoader, applied: Collection[Key]) -> list[Key]:
    """Return these migrations in the order of the graph."""
    seen: dict[Key, None] = {}
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            if key in applied:
                seen.setdefault(key)
    return list(seen)


def replay(instructions: Instructions, isolation: Isolation) -> dict[str, Any]:
    """Apply the migrations in the child process; return the catalog they make.

    In the order given, whatever graph an empty database has: there a squash is in
    force of which only a part is applied here.
    """
    wrapper: Any = connections[instructions.alias]
    executor = MigrationExecutor(wrapper)
    disk = executor.loader.disk_migrations
    migrations = [disk[key] for key in instructions.migrations]
    state = ProjectState(real_apps=executor.loader.unmigrated_apps)
    with isolation.during("the replay", allowed_events(migrations)):
        for migration in migrations:
            state = executor.apply_migration(state, migration)
    return introspection.catalog(wrapper.connection).to_json()


def _state(alias: str, loader: MigrationLoader, keys: list[Key]) -> str:
    """Return what the catalog depends on, as a hash."""
    with databases.connect(alias) as connection:
        lines = [str(connection.info.server_version), django.get_version(), _reading()]
    lines += [f"{'.'.join(k)} {source_hash(loader.get_migration(*k))}" for k in keys]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _reading() -> str:
    """Return what decides how a catalog is read and kept: the code itself."""
    queries = "".join(map(introspection.query, ("tables", "objects")))
    sources = (hash_source(inspect.getsource(m)) for m in (introspection, schema))
    return "".join(sources) + hashlib.sha256(queries.encode()).hexdigest()


def _keep(path: Path, catalog: dict[str, Any]) -> None:
    """Write it whole or not at all; it names every table, so it is ours alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(catalog, file)
    partial.replace(path)
