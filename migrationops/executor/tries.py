"""An atomic migration, tried until it has its locks or the outage budget is spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from migrationops.executor.atomic import run_in_transaction
from migrationops.executor.early_locks import TableLock, take
from migrationops.executor.session import Session
from migrationops.journal import Journal, OpenStep
from migrationops.models import Step
from migrationops.postgres.retry import Attempt, retrying
from migrationops.postgres.table_locks import Lock
from migrationops.sources import source_hash


class Tries:
    """Journals one atomic migration as one step, however often it is tried.

    `locks` are taken before its first statement; `note` is told of every try that
    gave way.
    """

    def __init__(
        self,
        session: Session,
        journal: Journal,
        locks: Mapping[str, Lock],
        note: Callable[[str], None],
    ) -> None:
        self._session = session
        self._journal = journal
        self._locks = locks
        self._note = note
        self.count = 1
        self.locked: tuple[TableLock, ...] = ()

    def run(self, migration: Migration, state: ProjectState) -> ProjectState:
        """Return the state after it; the step is done in the migration's own commit."""
        policy = self._session.policy
        step = self._journal.start(
            Step.Kind.MIGRATION, str(migration), **step_names(migration)
        )
        until = time.monotonic() + policy.outage_budget

        def attempt() -> ProjectState:
            self._session.make_ready()
            with self._session.watchdog(str(migration), patience=policy.patience):
                return run_in_transaction(
                    self._session,
                    migration,
                    state,
                    prepare=lambda: self._lock(step, until),
                    until=until,
                    detail=step.detail,
                    finish=lambda: self._journal.finish(
                        step, inside=self._session.connection, tries=self.count
                    ),
                )

        try:
            return retrying(
                attempt,
                budget=policy.outage_budget,
                before_pause=self._gave_way,
                least=policy.lock_timeout,
            )
        except BaseException as exc:
            self._journal.fail(step, exc, tries=self.count)
            raise

    def _lock(self, step: OpenStep, until: float) -> None:
        self.locked = take(self._session, self._locks, step.detail, until=until)

    def _gave_way(self, failed: Attempt) -> None:
        self.count = failed.number + 1
        self._note(f"gave way and tries again: {failed.error}")


def step_names(migration: Migration) -> dict[str, Any]:
    """Return what a migration's step says of it."""
    return {
        "app": migration.app_label,
        "migration": migration.name,
        "detail": {"source_hash": source_hash(migration)},
    }
