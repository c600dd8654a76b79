"""The migrations on disk and on record, as Django's loader sees them."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

from django.apps import apps
from django.db import Error as DjangoDatabaseError
from django.db import connections
from django.db.migrations.exceptions import (
    AmbiguityError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from migrationops.exceptions import PreconditionError, RefusedError, describe

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to migrate to: everything, one app, or one migration of it."""

    app: str | None = None
    migration: str | None = None


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


def missing_files(loader: MigrationLoader) -> list[Key]:
    """Return what is recorded for an installed app and has no file."""
    return sorted(
        key
        for key in set(loader.applied_migrations) - set(loader.disk_migrations)
        if key[0] in loader.migrated_apps
    )


def leaves(loader: MigrationLoader, target: Target) -> Iterable[Key]:
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
            "This only moves forward, and zero is going back; nothing was changed.",
            remedy="Write a migration that undoes it. In development, where rows may "
            f"go: manage.py migrate {app} zero",
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
