"""Apply a plan: every migration between Django's signals, recorded one by one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.sql import (
    emit_post_migrate_signal,
    emit_pre_migrate_signal,
)
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

from migrationops.exceptions import (
    FailedError,
    MigrationOpsError,
    NeedsPersonError,
)
from migrationops.executor.atomic import run_in_transaction
from migrationops.executor.session import Session, executing
from migrationops.executor.stepwise import run_stepwise
from migrationops.journal import Journal
from migrationops.models import Step
from migrationops.plan import Plan, PlannedMigration, source_hash
from migrationops.postgres.retry import Attempt, retrying
from migrationops.progress import Progress, Stage, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One migration that is committed and recorded; seconds include retries."""

    app: str
    name: str
    seconds: float
    tries: int

    @property
    def label(self) -> str:
        return f"{self.app}.{self.name}"


def apply_plan(
    session: Session, journal: Journal, loader: MigrationLoader, plan: Plan
) -> tuple[Applied, ...]:
    """Apply the plan's migrations in order.

    Raises FailedError when everything is as before, NeedsPersonError when earlier
    migrations of the run stay applied.
    """
    applied: list[Applied] = []
    with executing(session):
        state = applied_state(loader)
        django_plan = [(loader.get_migration(*m.key), False) for m in plan.migrations]
        journal.update(post_migrate_due=True)
        emit_pre_migrate_signal(
            0, False, session.alias, apps=state.apps, plan=django_plan
        )
        for number, planned in enumerate(plan.migrations, 1):
            tell = _Teller(session, planned.label, number, len(plan.migrations))
            migration = loader.get_migration(*planned.key)
            try:
                state, done = _apply_one(session, journal, migration, state, tell)
            except MigrationOpsError:
                raise
            except Exception as exc:
                raise _failure(plan, planned, applied, exc) from exc
            applied.append(done)
        _record_replacements(session, loader)
        send_post_migrate(session.alias, state, django_plan)
    journal.update(post_migrate_due=False)
    return tuple(applied)


def applied_state(loader: MigrationLoader) -> ProjectState:
    """Return the models as the recorded migrations define them."""
    state = ProjectState(real_apps=loader.unmigrated_apps)
    seen: set[tuple[str, str]] = set()
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            if key in loader.applied_migrations and key not in seen:
                seen.add(key)
                loader.graph.nodes[key].mutate_state(state, preserve=False)
    return state


def send_post_migrate(alias: str, state: ProjectState, plan: list[Any]) -> None:
    """Send post_migrate with the models of the final state, as migrate does."""
    state.clear_delayed_apps_cache()
    final = state.apps
    with final.bulk_update():
        keys = [(m.app_label, m.name_lower) for m in _real_models(state)]
        for key in keys:
            final.unregister_model(*key)
    final.render_multiple([ModelState.from_model(apps.get_model(*key)) for key in keys])
    emit_post_migrate_signal(0, False, alias, apps=final, plan=plan)


def _real_models(state: ProjectState) -> list[ModelState]:
    return list(state.apps.real_models)


def _apply_one(
    session: Session,
    journal: Journal,
    migration: Migration,
    state: ProjectState,
    tell: _Teller,
) -> tuple[ProjectState, Applied]:
    started = time.monotonic()
    tell(State.STARTED)
    run = _run_atomic if migration.atomic else _run_stepwise
    try:
        new_state, tries = run(session, journal, migration, state, tell)
        _confirm(journal, migration)
    except BaseException:
        tell(State.FAILED)
        raise
    tell(State.DONE)
    seconds = time.monotonic() - started
    return new_state, Applied(
        app=migration.app_label, name=migration.name, seconds=seconds, tries=tries
    )


def _run_atomic(
    session: Session,
    journal: Journal,
    migration: Migration,
    state: ProjectState,
    tell: _Teller,
) -> tuple[ProjectState, int]:
    tries = 1

    def note(failed: Attempt) -> None:
        nonlocal tries
        tries = failed.number + 1
        tell(State.ADVANCED, f"gave way and tries again: {failed.error}")

    def finish() -> None:
        journal.finish(step, inside=session.connection, tries=tries)

    step = journal.start(Step.Kind.MIGRATION, str(migration), **_names(migration))
    try:
        new_state = retrying(
            lambda: run_in_transaction(session, migration, state, finish=finish),
            budget=session.policy.outage_budget,
            before_pause=note,
        )
    except BaseException as exc:
        journal.fail(step, exc, tries=tries)
        raise
    return new_state, tries


def _run_stepwise(
    session: Session,
    journal: Journal,
    migration: Migration,
    state: ProjectState,
    _tell: _Teller,
) -> tuple[ProjectState, int]:
    with journal.step(
        Step.Kind.MIGRATION,
        str(migration),
        backend=session.backend,
        **_names(migration),
    ):
        return run_stepwise(session, journal, migration, state), 1


def _names(migration: Migration) -> dict[str, Any]:
    return {
        "app": migration.app_label,
        "migration": migration.name,
        "detail": {"source_hash": source_hash(migration)},
    }


def _confirm(journal: Journal, migration: Migration) -> None:
    """Believe a success only when another connection sees its record."""
    app, name = (migration.replaces or [(migration.app_label, migration.name)])[-1]
    row = journal.connection.execute(
        "SELECT FROM django_migrations WHERE app = %s AND name = %s", [app, name]
    ).fetchone()
    if row is None:
        raise NeedsPersonError(
            f"{migration} ran without an error, yet its record is not there."
        )


def _record_replacements(session: Session, loader: MigrationLoader) -> None:
    recorder = MigrationRecorder(session.wrapper)
    applied = recorder.applied_migrations()
    for key, migration in loader.replacements.items():
        if key not in applied and all(k in applied for k in migration.replaces):
            recorder.record_applied(*key)


def _failure(
    plan: Plan, failed: PlannedMigration, applied: list[Applied], error: Exception
) -> MigrationOpsError:
    """Say what is left, as PostgreSQL left it."""
    cause = f"{failed.label} failed: {type(error).__name__}: {error}".strip()
    again = "Correct it, then run manage.py safe_migrate again"
    if failed.atomic and not applied:
        return FailedError(
            f"{cause}\nIt was rolled back; records and catalog are as before the run.",
            remedy=f"{again}.",
        )
    done = ", ".join(a.label for a in applied) or "none"
    pending = [m.label for m in plan.migrations[len(applied) :]]
    state = (
        "rolled back"
        if failed.atomic
        else "applied in part (its steps are in the history)"
    )
    return NeedsPersonError(
        f"{cause}\nIt was {state}. Applied and recorded in this run: {done}. "
        f"Not applied: {', '.join(pending)}.",
        remedy=f"{again}: it continues where this run stopped.",
    )


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells of one migration, `number` of `total`."""

    session: Session
    label: str
    number: int
    total: int

    def __call__(self, state: State, note: str = "") -> None:
        event = Progress(
            stage=Stage.APPLY,
            state=state,
            label=f"{self.label} {note}".strip(),
            done=self.number,
            total=self.total,
            unit="migrations",
        )
        self.session.report(event)
