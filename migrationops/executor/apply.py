"""Apply a plan: every migration between Django's signals, recorded one by one."""

from __future__ import annotations

from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from migrationops.executor.receivers import noting_receivers
from migrationops.executor.runner import Applied, Instructions, Runner
from migrationops.executor.session import Session, executing
from migrationops.executor.states import (
    applied_state,
    send_post_migrate,
    send_pre_migrate,
)
from migrationops.journal import Journal
from migrationops.plan import Plan


def apply_plan(
    session: Session,
    journal: Journal,
    loader: MigrationLoader,
    plan: Plan,
    instructions: Instructions,
) -> tuple[Applied, ...]:
    """Apply the plan's migrations in order.

    Raises FailedError when everything is as before, NeedsPersonError when earlier
    migrations of the run stay applied.
    """
    with executing(session):
        state = applied_state(loader)
        journal.update(post_migrate_due=True)
        send_pre_migrate(session.alias, state, loader, plan)
        runner = Runner(session, journal, loader, plan, instructions)
        state = runner.run(state)
        _record_replacements(session, loader)
        with noting_receivers(session.alias, journal):
            send_post_migrate(session.alias, state, loader, plan)
    forget_due(journal)
    return tuple(runner.applied)


def forget_due(journal: Journal) -> None:
    """Say that post_migrate was sent, which makes good earlier runs' too."""
    journal.connection.execute(
        "UPDATE migrationops_run SET post_migrate_due = false WHERE post_migrate_due"
    )


def settle_replacements(session: Session, loader: MigrationLoader) -> None:
    """Record squashes whose parts are all recorded, as migrate does on every run."""
    if loader.replacements:
        with executing(session):
            _record_replacements(session, loader)


def _record_replacements(session: Session, loader: MigrationLoader) -> None:
    recorder = MigrationRecorder(session.wrapper)
    applied = recorder.applied_migrations()
    for key, migration in loader.replacements.items():
        if key not in applied and all(k in applied for k in migration.replaces):
            recorder.record_applied(*key)
