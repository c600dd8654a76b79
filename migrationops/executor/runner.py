"""Runs a plan's migrations one after the other, and takes them back if told so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from migrationops.conf import OnFailure
from migrationops.exceptions import (
    DatabaseError,
    MigrationOpsError,
    NeedsPersonError,
    RefusedError,
)
from migrationops.executor.atomic import is_recorded
from migrationops.executor.early_locks import TableLock
from migrationops.executor.failure import (
    WayOn,
    failure,
    reversed_failure,
    stopped,
    text,
    too_late,
    unknown,
)
from migrationops.executor.recorded import Script, find_script
from migrationops.executor.reverse import Reversal, reverse
from migrationops.executor.session import Session
from migrationops.executor.stepwise import run_recorded, run_stepwise
from migrationops.executor.teller import Teller
from migrationops.executor.tries import Tries, step_names
from migrationops.graph import Key
from migrationops.journal import Journal
from migrationops.models import Step
from migrationops.plan import Plan, PlannedMigration
from migrationops.postgres.table_locks import Lock
from migrationops.progress import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One migration that is committed and recorded; seconds include retries."""

    app: str
    name: str
    seconds: float
    tries: int
    locked: tuple[TableLock, ...] = ()  # before its first statement, in this order

    @property
    def label(self) -> str:
        return f"{self.app}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What the rehearsal recorded, and where an interrupted migration goes on.

    `reversible` is false where the rehearsal saw that the way back does not work;
    `locks` are tables that an atomic migration needs, to be locked before it begins.
    """

    scripts: tuple[Script, ...] = ()
    positions: Mapping[Key, int] = field(default_factory=dict)
    reversible: bool = True
    locks: Mapping[Key, Mapping[str, Lock]] = field(default_factory=dict)


class Runner:
    """Runs one migration after the other, and takes them back if that is policy."""

    def __init__(
        self,
        session: Session,
        journal: Journal,
        loader: MigrationLoader,
        plan: Plan,
        instructions: Instructions,
    ) -> None:
        self._session = session
        self._journal = journal
        self._loader = loader
        self._plan = plan
        self._instructions = instructions
        self._reversals: list[Reversal] = []
        self.applied: list[Applied] = []

    def run(self, state: ProjectState) -> ProjectState:
        for number, planned in enumerate(self._plan.migrations, 1):
            migration = self._loader.get_migration(*planned.key)
            tell = Teller(
                self._session, planned.label, number, len(self._plan.migrations)
            )
            self._remember(migration, state)
            begun = self._journal.steps
            try:
                state = self._one(migration, state, tell)
            except NeedsPersonError as exc:
                raise stopped(self._plan, self._done, exc) from exc
            except RefusedError as exc:
                if not self.applied and self._journal.steps <= begun + 1:
                    raise  # before anything was done
                raise self._what_became(planned, exc) from exc
            except (MigrationOpsError, KeyboardInterrupt):
                raise
            except BaseException as exc:  # a migration may well call sys.exit()
                raise self._what_became(planned, exc) from exc
        return state

    @property
    def _done(self) -> list[str]:
        return [a.label for a in self.applied]

    def _one(
        self, migration: Migration, state: ProjectState, tell: Teller
    ) -> ProjectState:
        started = time.monotonic()
        tell(State.STARTED)
        try:
            new_state, tried = self._apply(migration, state, tell)
            _confirm(self._session, self._journal, migration)
        except BaseException:
            tell(State.FAILED)
            raise
        tell(State.DONE)
        self.applied.append(
            Applied(
                app=migration.app_label,
                name=migration.name,
                seconds=time.monotonic() - started,
                tries=tried.count if tried else 1,
                locked=tried.locked if tried else (),
            )
        )
        return new_state

    def _apply(
        self, migration: Migration, state: ProjectState, tell: Teller
    ) -> tuple[ProjectState, Tries | None]:
        """Return the state after it, and how often an atomic one was tried."""
        key = (migration.app_label, migration.name)
        if migration.atomic:
            locks = self._instructions.locks.get(key, {})
            tries = Tries(self._session, self._journal, locks, tell.advanced)
            return tries.run(migration, state), tries
        with self._journal.step(
            Step.Kind.MIGRATION,
            str(migration),
            backend=self._session.backend,
            **step_names(migration),
        ):
            script = find_script(self._instructions.scripts, *key)
            if script is None:
                new_state = run_stepwise(self._session, self._journal, migration, state)
                return new_state, None
            start = self._instructions.positions.get(key, 1)
            new_state = run_recorded(
                self._session, self._journal, migration, state, script, start=start
            )
            return new_state, None

    def _remember(self, migration: Migration, state: ProjectState) -> None:
        """Keep the state before, where a failure is to be reversed."""
        if self._session.policy.on_failure is not OnFailure.STOP:
            self._reversals.append(Reversal(migration, state))

    def _what_became(
        self, planned: PlannedMigration, error: BaseException
    ) -> MigrationOpsError:
        """Ask the database first: it may have failed when all of it was done."""
        migration = self._loader.get_migration(*planned.key)
        try:
            if is_recorded(self._session, self._journal, migration):
                done = [*self._done, planned.label]
                return too_late(self._plan, planned, done, text(error))
            return self._failed(planned, error)
        except DatabaseError as exc:
            return unknown(self._plan, planned, self._done, f"{text(error)}\n{exc}")

    def _failed(
        self, planned: PlannedMigration, error: BaseException
    ) -> MigrationOpsError:
        back = self._reversals[:-1]
        possible = self._instructions.reversible and planned.atomic
        if not (back and possible and all(r.is_possible for r in back)):
            return failure(
                self._plan, planned, self._done, text(error), way=self._way_on(planned)
            )
        try:
            reverse(self._session, self._journal, back)
        except Exception as exc:
            stuck = f"{text(error)}\nThe way back failed too: {text(exc)}"
            left = [
                done.label
                for done, way in zip(self.applied, back, strict=True)
                if is_recorded(self._session, self._journal, way.migration)
            ]
            return failure(self._plan, planned, left, stuck)
        return reversed_failure(planned, self._done, text(error))

    def _way_on(self, planned: PlannedMigration) -> WayOn:
        script = find_script(self._instructions.scripts, *planned.key)
        migration = self._loader.get_migration(*planned.key)
        return WayOn.of(migration, rehearsed=script is not None)


def _confirm(session: Session, journal: Journal, migration: Migration) -> None:
    """Believe a success only when another connection sees its record."""
    if not is_recorded(session, journal, migration):
        raise NeedsPersonError(
            f"{migration} ran without an error, yet its record is not there.",
            remedy="Look into django_migrations and the server's log; then "
            "manage.py migration_status.",
        )
