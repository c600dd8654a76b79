"""Forward was done; back and forward again must lead to the same catalogs."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from migrationops import drift
from migrationops.postgres import introspection
from migrationops.schema import Catalog


def prove(
    wrapper: DatabaseWrapper,
    migrations: Sequence[Migration],
    states: Sequence[ProjectState],
    catalogs: tuple[Catalog, Catalog],
) -> tuple[str, ...]:
    """Return why the way back is not proven; nothing when it is.

    `states` are those before each migration, `catalogs` those before and after all.
    Stops at the first migration that does not come back.
    """
    one_way = [
        f"{migration}: {operation.describe()} cannot be reversed"
        for migration in migrations
        for operation in migration.operations
        if not operation.reversible
    ]
    if one_way:
        return tuple(one_way)
    start, end = catalogs
    pairs = list(zip(migrations, states, strict=True))
    try:
        for migration, state in reversed(pairs):
            MigrationExecutor(wrapper).unapply_migration(state.clone(), migration)
        if found := _differences("back", start, wrapper):
            return found
        for migration, state in pairs:
            MigrationExecutor(wrapper).apply_migration(state.clone(), migration)
    except Exception as exc:
        return (f"{migration}: going back or forward again failed: {exc}",)
    return _differences("forward again", end, wrapper)


def _differences(
    way: str, expected: Catalog, wrapper: DatabaseWrapper
) -> tuple[str, ...]:
    report = drift.compare(expected, introspection.catalog(wrapper.connection))
    return tuple(f"going {way} leaves a difference: {d}" for d in report.differences)
