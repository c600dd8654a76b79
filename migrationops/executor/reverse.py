"""Take back what a failed run had applied, newest first, by reverse operations."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from migrationops.executor.atomic import LimitEachStatement
from migrationops.executor.session import Session
from migrationops.executor.writes import noting
from migrationops.journal import Journal, OpenStep
from migrationops.models import Step
from migrationops.postgres.retry import Attempt, retrying
from migrationops.progress import Progress, Stage, State


@dataclass(frozen=True, slots=True)
class Reversal:
    """A migration that was applied, and the models before it."""

    migration: Migration
    before: ProjectState

    @property
    def is_possible(self) -> bool:
        return all(o.reversible for o in self.migration.operations)


def reverse(session: Session, journal: Journal, applied: list[Reversal]) -> None:
    """Unapply in reverse order, each with its record in one transaction.

    Any error leaves the remaining ones applied and recorded.
    """
    for done in reversed(applied):
        label = f"reverse {done.migration}"
        with journal.step(Step.Kind.MIGRATION, label) as step:
            _reverse_one(session, done, label, step)
        session.report(_event(State.DONE, label))


def _reverse_one(session: Session, done: Reversal, label: str, step: OpenStep) -> None:
    def note(failed: Attempt) -> None:
        session.report(_event(State.ADVANCED, f"{label} tries again: {failed.error}"))

    budget = session.policy.outage_budget
    until = time.monotonic() + budget
    retrying(
        lambda: _unapply(session, done, until, step),
        budget=budget,
        before_pause=note,
        least=session.policy.lock_timeout,
    )


def _unapply(session: Session, done: Reversal, until: float, step: OpenStep) -> None:
    session.make_ready()
    migration = done.migration
    with session.wrapper.execute_wrapper(LimitEachStatement(session, until)):
        if not migration.atomic:
            _run(session, done, atomic=False)
        with transaction.atomic(using=session.alias, durable=True):
            if migration.atomic:
                with noting(session, step.detail):
                    _run(session, done, atomic=True)
            recorder = MigrationRecorder(session.wrapper)
            own = (migration.app_label, migration.name)
            for app, name in [*migration.replaces, own]:
                recorder.record_unapplied(app, name)


def _run(session: Session, done: Reversal, *, atomic: bool) -> None:
    with session.wrapper.schema_editor(atomic=atomic) as editor:
        done.migration.unapply(done.before.clone(), editor)


def _event(state: State, label: str) -> Progress:
    return Progress(stage=Stage.APPLY, state=state, label=label)
