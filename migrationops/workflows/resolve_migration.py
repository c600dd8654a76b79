"""Settle a migration that stopped half way, once the catalog says where it stands."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from migrationops import graph, history, stamp
from migrationops.conf import Conf, get_conf
from migrationops.exceptions import DiffersError, RefusedError
from migrationops.executor import own_tables
from migrationops.executor.atomic import record
from migrationops.executor.session import Session, executing, open_session
from migrationops.graph import Key, Target
from migrationops.history import Recording
from migrationops.journal import OpenStep
from migrationops.models import Run, Step
from migrationops.postgres.databases import Connection
from migrationops.progress import ProgressCallback, Stage
from migrationops.sources import source_hash
from migrationops.workflows import agreement
from migrationops.workflows.agreement import Sides
from migrationops.workflows.preparation import locked

_COMMAND = "resolve_migration"


class Settled(StrEnum):
    """How a migration is settled; the words are those of the options."""

    APPLIED = "applied"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the operator says; `wait` in seconds, None means the policy's."""

    alias: str
    target: Target
    settled: Settled
    wait: float | None = None

    @property
    def applied(self) -> bool:
        return self.settled is Settled.APPLIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was settled.

    `recorded`: whether a record was written or removed. `shown` is false where the
    schema is the same with and without the migration. `runs` are the failed ones
    that this closed, `elsewhere` the differences that are not the migration's.
    """

    database: str
    migration: str
    settled: Settled
    recorded: bool
    shown: bool
    runs: tuple[str, ...]
    elsewhere: tuple[str, ...]
    run: str

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}


def resolve_migration(request: Request, tell: ProgressCallback) -> Report:
    """Record the migration as applied, or take its record away, and close its runs.

    No schema and no row of the project's is changed. Raises DiffersError when the
    catalog says otherwise, RefusedError when the graph does.
    """
    conf = get_conf()
    stamp.require_environment(request.alias, conf)
    _find(request)  # bad input ends here, before anything is made
    with (
        locked(request.alias, conf, _COMMAND, wait=request.wait, report=tell) as lock,
        open_session(request.alias, conf.policy, lock, tell) as session,
    ):
        own_tables.install(session, conf, graph.load(request.alias))
        with history.recording(
            request.alias,
            conf,
            _COMMAND,
            tell,
            standing=history.migrations_standing,
        ) as run:
            report = _resolve(request, conf, session, run)
            run.journal.update(report=report.to_json())
            return report


def _find(request: Request) -> tuple[MigrationLoader, Migration]:
    """Return the migration; refuse one that is not at the edge of what is applied."""
    loader = graph.load(request.alias)
    (key,) = graph.leaves(loader, request.target)
    name = ".".join(key)
    if key not in loader.graph.nodes:
        raise RefusedError(
            f"{name} is replaced by a squashed migration; nothing was changed.",
            remedy="Name the squashed one.",
        )
    applied = set(loader.applied_migrations)
    if request.applied:
        what, wrong = "needs first", set(loader.graph.forwards_plan(key)) - applied
    else:
        what, wrong = "is needed by", set(loader.graph.backwards_plan(key)) & applied
    if others := sorted(".".join(k) for k in wrong - {key}):
        raise RefusedError(
            f"{name} {what} {', '.join(others)}; nothing was changed.",
            remedy="manage.py migration_status says what is applied.",
        )
    return loader, loader.get_migration(*key)


def _resolve(request: Request, conf: Conf, session: Session, run: Recording) -> Report:
    loader, migration = _find(request)
    with run.stage(Stage.PLAN):
        sides = agreement.sides(request.alias, conf, loader, migration)
    with executing(session):  # nothing of a dead run is at work any more
        with run.stage(Stage.VERIFY):
            elsewhere = _require(request, sides, migration, run.journal.connection)
        recorded = set(_keys(migration)) <= set(loader.applied_migrations)
        change = recorded is not request.applied
        with run.stage(Stage.RECORD):
            runs = _settle(request, session, run, migration, change=change)
        return Report(
            database=session.connection.info.dbname,
            migration=str(migration),
            settled=request.settled,
            recorded=change,
            shown=sides.touched != frozenset(),
            runs=runs,
            elsewhere=elsewhere,
            run=run.run_id,
        )


def _require(
    request: Request, sides: Sides, migration: Migration, connection: Connection
) -> tuple[str, ...]:
    """Raise DiffersError unless the catalog agrees; return what differs elsewhere."""
    wanted = sides.after if request.applied else sides.before
    if wanted is None:
        raise DiffersError(
            f"{migration} cannot be replayed on an empty database, so what it leaves "
            "is not known; nothing was changed.",
            remedy=f"Undo its steps by hand, then manage.py {_COMMAND} "
            f"{migration.app_label} {migration.name} --rolled-back.",
        )
    found = agreement.compare(wanted, sides, connection, migration)
    if found.differences:
        side, verb = ("after", "Complete") if request.applied else ("before", "Undo")
        lines = [f"{migration}: the schema is not as {side} it; nothing was changed."]
        raise DiffersError(
            "\n  ".join([*lines, *map(str, found.differences)]),
            remedy=f"{verb} by hand what is named, then run the same command again.",
        )
    return tuple(map(str, found.elsewhere))


def _keys(migration: Migration) -> list[Key]:
    return list(migration.replaces) or [(migration.app_label, migration.name)]


def _settle(
    request: Request,
    session: Session,
    run: Recording,
    migration: Migration,
    *,
    change: bool,
) -> tuple[str, ...]:
    """Write or remove the record and close the runs, in one transaction."""
    step = _announce(run, migration) if change and request.applied else None
    with transaction.atomic(using=session.alias, durable=True):
        if step:
            record(session, migration)
            run.journal.finish(step, inside=session.connection)
        elif change:
            for app, name in _keys(migration):
                MigrationRecorder(session.wrapper).record_unapplied(app, name)
        return _close_runs(session.connection, migration)


def _announce(run: Recording, migration: Migration) -> OpenStep:
    """Journal that it becomes applied; the next safe_migrate sends post_migrate."""
    run.journal.update(post_migrate_due=True)
    return run.journal.start(
        Step.Kind.MIGRATION,
        str(migration),
        app=migration.app_label,
        migration=migration.name,
        detail={"source_hash": source_hash(migration)},
    )


def _close_runs(connection: Connection, migration: Migration) -> tuple[str, ...]:
    """Mark the runs that ended within this migration; return their ids."""
    rows = connection.execute(
        "UPDATE migrationops_run SET state = %s WHERE state = ANY(%s) AND id IN "
        "(SELECT run_id FROM migrationops_step WHERE kind = %s AND state <> %s "
        "AND app = %s AND migration = %s) RETURNING id",
        [
            Run.State.RESOLVED.value,
            [Run.State.FAILED.value, Run.State.STOPPED.value, Run.State.REFUSED.value],
            Step.Kind.MIGRATION.value,
            Step.State.DONE.value,
            migration.app_label,
            migration.name,
        ],
    ).fetchall()
    return tuple(str(run) for (run,) in rows)
