"""Whether the live catalog is as a migration leaves it, or as before it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from migrationops import drift, expected
from migrationops.conf import Conf
from migrationops.drift import Change, Difference
from migrationops.exceptions import MigrationOpsError
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection
from migrationops.schema import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The schema with the migration and without it, as the graph defines them.

    `after` is None where the migration cannot be replayed on an empty database.
    """

    before: Catalog
    after: Catalog | None

    @property
    def touched(self) -> frozenset[str] | None:
        """Name the relations and objects that differ; None where it is not known."""
        if self.after is None:
            return None
        tables = {*self.before.tables} ^ {*self.after.tables}
        objects = {*self.before.objects} ^ {*self.after.objects}
        return frozenset(
            [t.qualified_name for t in tables] + [o.qualified_name for o in objects]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What is not as wanted: by this migration, and elsewhere."""

    differences: tuple[Difference, ...]
    elsewhere: tuple[Difference, ...]


def sides(
    alias: str, conf: Conf, loader: MigrationLoader, migration: Migration
) -> Sides:
    """Replay the recorded migrations with this one and without it.

    Raises MigrationOpsError when even those before it cannot be replayed.
    """
    key = (migration.app_label, migration.name)
    applied = set(loader.applied_migrations)
    before = expected.expected_catalog(alias, conf, applied - {key})
    try:
        after = expected.expected_catalog(alias, conf, applied | {key})
    except MigrationOpsError:
        after = None
    return Sides(before=before, after=after)


def compare(
    wanted: Catalog, found: Sides, connection: Connection, migration: Migration
) -> Agreement:
    """Compare the live catalog with `wanted`, one of the two sides."""
    report = drift.compare(wanted, introspection.catalog(connection))
    statements = _statements(connection, migration)
    touched = found.touched
    ours = [d for d in report.differences if _concerns(d, touched, statements)]
    return Agreement(
        differences=tuple(ours),
        elsewhere=tuple(d for d in report.differences if d not in ours),
    )


def _concerns(
    difference: Difference, touched: frozenset[str] | None, statements: str
) -> bool:
    """Whether the migration may have made it: it defines it, or its runs named it.

    Where it cannot be replayed: whatever is no stranger to the project.
    """
    relation = ".".join(difference.name.split(".")[:2])
    if relation.rsplit(".", 1)[-1] in statements:
        return True
    if touched is not None:
        return relation in touched
    return difference.change is not Change.UNEXPECTED


def _statements(connection: Connection, migration: Migration) -> str:
    """Return what the migration's runs executed, or were about to."""
    rows = connection.execute(
        "SELECT sql FROM migrationops_step WHERE app = %s AND migration = %s",
        [migration.app_label, migration.name],
    ).fetchall()
    return "\n".join(str(sql) for (sql,) in rows)
