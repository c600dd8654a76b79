"""What is pending on one database, as a frozen value with a fingerprint."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from migrationops.additive import is_additive
from migrationops.graph import Key, Target, leaves
from migrationops.sources import source_hash


class Phase(StrEnum):
    """Before the new code, beside both, and after the last of the old code."""

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
class PlannedMigration:
    app: str
    name: str
    phase: Phase | None
    atomic: bool
    reversible: bool
    additive: bool
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

    @property
    def is_additive(self) -> bool:
        """Whether every operation only adds."""
        return all(m.additive for m in self.migrations)

    def to_json(self) -> dict[str, Any]:
        return {
            "alias": self.alias,
            "fingerprint": self.fingerprint,
            "migrations": [asdict(m) for m in self.migrations],
        }


def build_plan(loader: MigrationLoader, *, alias: str, target: Target) -> Plan:
    """Return what is pending up to the target; forward only.

    Raises RefusedError for an unknown app or migration.
    """
    seen: dict[Key, None] = {}
    for leaf in leaves(loader, target):
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


def _planned(migration: Migration) -> PlannedMigration:
    return PlannedMigration(
        app=migration.app_label,
        name=migration.name,
        phase=phase_of(migration.name),
        atomic=migration.atomic,
        reversible=all(o.reversible for o in migration.operations),
        additive=all(map(is_additive, migration.operations)),
        operations=tuple(o.describe() for o in migration.operations),
        source_hash=source_hash(migration),
    )


def phase_of(name: str) -> Phase | None:
    """Return the phase that a migration's name states, else None."""
    words = re.split(r"[_\W]+", name)[1:2]
    return _PHASE_NAMES.get(words[0]) if words else None
