"""Performs a plan on the shadow database, in the child process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, cast

import psycopg
from django.core import mail
from django.db import connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from migrationops.executor.states import (
    applied_state,
    send_post_migrate,
    send_pre_migrate,
)
from migrationops.graph import Key, Target, load
from migrationops.plan import Plan, build_plan
from migrationops.postgres.databases import Connection
from migrationops.rehearsal import compatibility, reversibility
from migrationops.rehearsal.record import (
    Change,
    Failure,
    Performance,
    RehearsedMigration,
)
from migrationops.rehearsal.recorder import Recorder
from migrationops.schema import Catalog
from migrationops.shadow.child import Instructions
from migrationops.shadow.isolation import Isolation, allowed_events
from migrationops.sources import source_hash


@dataclass(slots=True, kw_only=True)
class Stage:
    """What performing needs, and how far it came."""

    alias: str
    isolation: Isolation
    recorder: Recorder
    done: list[RehearsedMigration] = field(default_factory=list)
    mails: int = 0
    performing: str = ""
    operation: str = ""

    @property
    def wrapper(self) -> DatabaseWrapper:
        return cast("DatabaseWrapper", connections[self.alias])


def task(instructions: Instructions, isolation: Isolation) -> dict[str, Any]:
    """Perform what the parent asks for; called in the child process."""
    with psycopg.connect(**instructions.shadow, autocommit=True) as beside:
        return perform(
            instructions.alias, instructions.migrations, isolation, beside
        ).to_json()


def perform(
    alias: str, keys: Sequence[Key], isolation: Isolation, beside: Connection
) -> Performance:
    """Apply the migrations, go back, go forward; probe the old models."""
    loader = load(alias)
    plan = _plan(loader, alias, keys)
    wrapper = cast("DatabaseWrapper", connections[alias])
    stage = Stage(alias=alias, isolation=isolation, recorder=Recorder(wrapper, beside))
    state = applied_state(loader)
    old_apps, start = state.clone().apps, stage.recorder.catalog
    before = compatibility.probe(old_apps, alias)
    try:
        send_pre_migrate(alias, state, loader, plan)
        states = _apply_all(stage, loader, plan, state)
        send_post_migrate(alias, states[-1].clone(), loader, plan)
    except Exception as exc:
        return _performance(stage, start, failure=_failure(stage, exc))
    finally:
        stage.mails = len(getattr(mail, "outbox", ()))
    performed = _performance(stage, start)  # the way back changes the shadow
    after = compatibility.probe(old_apps, alias)
    migrations = [loader.get_migration(*m.key) for m in plan.migrations]
    end = stage.recorder.catalog
    with isolation.during("the way back", allowed_events(migrations)):
        way_back = reversibility.prove(wrapper, migrations, states[:-1], (start, end))
    return replace(
        performed,
        incompatible=compatibility.incompatibilities(before, after),
        reversed=not way_back,
        irreversible=way_back,
    )


def _plan(loader: MigrationLoader, alias: str, keys: Sequence[Key]) -> Plan:
    pending = build_plan(loader, alias=alias, target=Target())
    wanted = set(keys)
    return Plan(
        alias=alias, migrations=tuple(m for m in pending.migrations if m.key in wanted)
    )


def _performance(stage: Stage, start: Catalog, **values: Any) -> Performance:
    end = stage.recorder.catalog
    change = Change.between(start, end)
    return Performance(
        migrations=tuple(stage.done),
        before=start.fingerprint,
        after=end.fingerprint,
        touched=end.restricted_to(change.tables),
        gone=tuple(name for name, found in change.tables.items() if found is None),
        refusals=tuple(stage.isolation.refusals),
        mails=stage.mails,
        **values,
    )


def _failure(stage: Stage, exc: Exception) -> Failure:
    return Failure(
        migration=stage.performing,
        operation=stage.operation,
        error=f"{type(exc).__name__}: {exc}".strip(),
    )


def _apply_all(
    stage: Stage, loader: MigrationLoader, plan: Plan, state: ProjectState
) -> list[ProjectState]:
    """Return the states before each migration, and the last one."""
    states = [state]
    for planned in plan.migrations:
        migration = loader.get_migration(*planned.key)
        stage.performing = planned.label
        with stage.isolation.during(planned.label, allowed_events([migration])):
            states.append(_apply(stage, migration, states[-1].clone()))
        stage.performing = stage.operation = ""
    return states


def _apply(stage: Stage, migration: Migration, state: ProjectState) -> ProjectState:
    recorder = stage.recorder
    recorder.begin()
    started = time.perf_counter()
    with (
        _in_transaction(stage.alias, migration.atomic),
        stage.wrapper.execute_wrapper(recorder),
        stage.wrapper.schema_editor(atomic=migration.atomic) as editor,
    ):
        for index, operation in enumerate(migration.operations):
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            stage.operation = operation.describe()
            with _in_transaction(stage.alias, bool(operation.atomic)):
                for path, execute, part in _parts(
                    str(index), operation, migration.app_label, editor, before, state
                ):
                    recorder.run(path, part, execute)
        stage.operation = "deferred SQL"
        deferred, editor.deferred_sql = list(editor.deferred_sql), []
        for statement in deferred:
            editor.execute(statement, None)
    seconds = time.perf_counter() - started
    _record(stage.wrapper, migration)
    if not migration.atomic:
        recorder.find_repeatable()
    stage.done.append(
        RehearsedMigration(
            app=migration.app_label,
            name=migration.name,
            source_hash=source_hash(migration),
            atomic=migration.atomic,
            seconds=round(seconds, 6),
            steps=tuple(recorder.steps),
        )
    )
    return state


def _parts(
    path: str,
    operation: Operation,
    app_label: str,
    editor: Any,
    before: ProjectState,
    after: ProjectState,
) -> Iterator[tuple[str, Callable[[], None], Operation]]:
    """Yield what is to be run; SeparateDatabaseAndState is its operations."""
    own = type(operation).database_forwards
    if own is not SeparateDatabaseAndState.database_forwards:

        def execute() -> None:
            operation.database_forwards(app_label, editor, before, after)

        yield path, execute, operation
        return
    assert isinstance(operation, SeparateDatabaseAndState)
    for index, part in enumerate(operation.database_operations):
        between = before.clone()
        part.state_forwards(app_label, between)
        yield from _parts(f"{path}.{index}", part, app_label, editor, before, between)
        before = between


@contextmanager
def _in_transaction(alias: str, wanted: bool) -> Iterator[None]:
    within: AbstractContextManager[Any] = (
        transaction.atomic(using=alias) if wanted else nullcontext()
    )
    with within:
        yield


def _record(wrapper: DatabaseWrapper, migration: Migration) -> None:
    recorder = MigrationRecorder(wrapper)
    replaced = migration.replaces or [(migration.app_label, migration.name)]
    for app, name in replaced:
        recorder.record_applied(app, name)
