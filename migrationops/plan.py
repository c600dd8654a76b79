"""What is pending on one database, as a frozen value with a fingerprint."""

from __future__ import annotations

import ast
import hashlib
import inspect
import pkgutil
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import Error as DjangoDatabaseError
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.exceptions import (
    AmbiguityError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from migrationops.exceptions import PreconditionError, RefusedError, describe

Key = tuple[str, str]


class Phase(StrEnum):
    """Where a migration stands in expand, backfill, contract."""

    EXPAND = "expand"
    BACKFILL = "backfill"
    CONTRACT = "contract"


_PHASE_NAMES = {
    "expand": Phase.EXPAND,
    "pre": Phase.EXPAND,
    "before": Phase.EXPAND,
    "backfill": Phase.BACKFILL,
    "contract": Phase.CONTRACT,
    "post": Phase.CONTRACT,
    "after": Phase.CONTRACT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to migrate to: everything, one app, or one migration of it."""

    app: str | None = None
    migration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMigration:
    app: str
    name: str
    phase: Phase | None
    atomic: bool
    reversible: bool
    operations: tuple[str, ...]
    source_hash: str

    @property
    def key(self) -> Key:
        return self.app, self.name

    @property
    def label(self) -> str:
        return f"{self.app}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The pending migrations of one database, in the order they will run."""

    alias: str
    migrations: tuple[PlannedMigration, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over alias, order, names and sources; comments do not count."""
        parts = [self.alias, *(f"{m.label} {m.source_hash}" for m in self.migrations)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {
            "alias": self.alias,
            "fingerprint": self.fingerprint,
            "migrations": [asdict(m) for m in self.migrations],
        }


def pending_names(alias: str) -> set[Key] | None:
    """Return what is on disk and not recorded, without importing any migration.

    None when an app's migrations cannot be listed so: build the plan instead.
    """
    applied = set(MigrationRecorder(connections[alias]).applied_migrations())
    on_disk: set[Key] = set()
    for config in apps.get_app_configs():
        names = _names_on_disk(config.label)
        if names is None:
            return None
        on_disk |= {(config.label, name) for name in names}
    return on_disk - applied


def _names_on_disk(label: str) -> set[str] | None:
    module_name, explicit = MigrationLoader.migrations_module(label)
    if module_name is None:
        return set()
    try:
        module = import_module(module_name)
    except ModuleNotFoundError:
        return None if explicit else set()
    paths = getattr(module, "__path__", None)
    if paths is None:
        return None
    return {
        name
        for _, name, is_package in pkgutil.iter_modules(paths)
        if not is_package and name[0] not in "_~"
    }


def load(alias: str) -> MigrationLoader:
    """Load the graph; refuse a broken one (two leaves, missing parents)."""
    try:
        loader = MigrationLoader(connections[alias])
        loader.check_consistent_history(connections[alias])
    except NodeNotFoundError as exc:
        raise PreconditionError(
            f"The migration graph is broken: {exc}. Nothing was changed.",
            remedy="Put the named file back, or correct the dependency.",
        ) from exc
    except InconsistentMigrationHistory as exc:
        raise PreconditionError(
            f"The records contradict the graph: {exc} Nothing was changed.",
            remedy="Put the dependency back to what it was when this was applied.",
        ) from exc
    except DjangoDatabaseError:
        raise
    except Exception as exc:  # a migration's module may raise anything
        raise PreconditionError(
            f"A migration cannot be imported: {describe(exc)}. Nothing was changed.",
            remedy="Correct the file.",
        ) from exc
    if conflicts := loader.detect_conflicts():
        leaves = "; ".join(f"{a}: {', '.join(n)}" for a, n in conflicts.items())
        raise PreconditionError(
            f"Two leaf migrations, so there is no one last state ({leaves}). "
            "Nothing was changed.",
            remedy="manage.py makemigrations --merge",
        )
    return loader


def build_plan(loader: MigrationLoader, *, alias: str, target: Target) -> Plan:
    """Return what is pending up to the target; forward only.

    Raises RefusedError for an unknown app or migration.
    """
    seen: dict[Key, None] = {}
    for leaf in _leaves(loader, target):
        for key in loader.graph.forwards_plan(leaf):
            if key not in loader.applied_migrations:
                seen.setdefault(key)
    return Plan(
        alias=alias,
        migrations=tuple(_planned(loader.get_migration(*key)) for key in seen),
    )


def own_plan(loader: MigrationLoader, *, alias: str) -> Plan:
    """Return what is pending of migrationops itself."""
    return build_plan(loader, alias=alias, target=Target(app="migrationops"))


def missing_files(loader: MigrationLoader) -> list[Key]:
    """Return what is recorded for an installed app and has no file."""
    return sorted(
        key
        for key in set(loader.applied_migrations) - set(loader.disk_migrations)
        if key[0] in loader.migrated_apps
    )


def source_hash(migration: Migration) -> str:
    """Return SHA-256 of a migration's syntax: comments and layout do not count."""
    path = inspect.getsourcefile(type(migration))
    if path is None:
        return ""
    return hash_source(Path(path).read_text())


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


def _leaves(loader: MigrationLoader, target: Target) -> Iterable[Key]:
    if target.app is None:
        return [key for key in loader.graph.leaf_nodes() if key[0] is not None]
    if target.app not in loader.migrated_apps:
        known = target.app in {c.label for c in apps.get_app_configs()}
        raise RefusedError(
            f"App {target.app!r} "
            + ("has no migrations" if known else "is not installed")
            + "; nothing was changed.",
            remedy="manage.py showmigrations lists them.",
        )
    if target.migration is None:
        return [key for key in loader.graph.leaf_nodes() if key[0] == target.app]
    return [_find(loader, target.app, target.migration)]


def _find(loader: MigrationLoader, app: str, prefix: str) -> Key:
    if prefix == "zero":
        raise RefusedError(
            "safe_migrate only moves forward, and zero is going back; "
            "nothing was changed.",
            remedy=f"manage.py rollback {app} zero",
        )
    try:
        migration = loader.get_migration_by_prefix(app, prefix)
    except AmbiguityError as exc:
        raise RefusedError(
            f"More than one migration of {app} starts with {prefix!r}; "
            "nothing was changed.",
            remedy="Write more of its name.",
        ) from exc
    except KeyError as exc:
        raise RefusedError(
            f"App {app!r} has no migration that starts with {prefix!r}; "
            "nothing was changed.",
            remedy=f"manage.py showmigrations {app} lists them.",
        ) from exc
    return migration.app_label, migration.name


def _planned(migration: Migration) -> PlannedMigration:
    return PlannedMigration(
        app=migration.app_label,
        name=migration.name,
        phase=phase_of(migration.name),
        atomic=migration.atomic,
        reversible=all(o.reversible for o in migration.operations),
        operations=tuple(o.describe() for o in migration.operations),
        source_hash=source_hash(migration),
    )


def phase_of(name: str) -> Phase | None:
    """Return the phase that a migration's name states, else None."""
    words = re.split(r"[_\W]+", name)[1:2]
    return _PHASE_NAMES.get(words[0]) if words else None
