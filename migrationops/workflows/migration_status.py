"""Where a database stands: applied, pending, missing, unfinished; read only."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops import graph, history, plan, stamp
from migrationops.graph import Target
from migrationops.models import Run
from migrationops.postgres import databases, introspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Names are app.migration; `last_run` is a sentence."""

    database: str
    environment: str | None
    applied: int
    pending: tuple[str, ...]
    missing: tuple[str, ...]
    unfinished: tuple[str, ...]
    invalid_indexes: tuple[str, ...]
    last_run: str | None

    @property
    def is_clean(self) -> bool:
        return not (
            self.pending or self.missing or self.unfinished or self.invalid_indexes
        )


def migration_status(alias: str) -> Status:
    """Read the standing of the alias's database; nothing is changed."""
    with databases.connect(alias) as connection:
        standing = stamp.read(connection)
        invalid = introspection.invalid_indexes(connection)
    loader = graph.load(alias)
    todo = plan.build_plan(loader, alias=alias, target=Target())
    known = standing.environment is not None
    return Status(
        database=standing.database,
        environment=standing.environment,
        applied=len(loader.applied_migrations),
        pending=tuple(m.label for m in todo.migrations),
        missing=tuple(f"{app}.{name}" for app, name in graph.missing_files(loader)),
        unfinished=tuple(map(str, history.unfinished(alias))) if known else (),
        invalid_indexes=invalid,
        last_run=_last_run(alias) if known else None,
    )


def _last_run(alias: str) -> str | None:
    run = Run.objects.using(alias).first()
    if run is None:
        return None
    return (
        f"{run.command} {run.started_at:%Y-%m-%d %H:%M:%S %Z} by {run.operator}: "
        f"{run.state}{f' ({run.error})' if run.error else ''}"
    )
