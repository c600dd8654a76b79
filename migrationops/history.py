"""The runs of a database: begun, ended and read here, written row by row below."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from django.db.models import Q, QuerySet

from migrationops.conf import Conf
from migrationops.exceptions import FailedError, MigrationOpsError, StoppedError
from migrationops.journal import Journal, OpenStep
from migrationops.models import Run, Step
from migrationops.progress import Progress, ProgressCallback, Stage, State

_AGAIN = "Run the same command again: it continues from there."


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, raised as psycopg expects an interrupt: it cancels its query."""


@dataclass(frozen=True, slots=True)
class Recording:
    """An open run: its journal, and whoever watches."""

    journal: Journal
    report: ProgressCallback

    @property
    def run_id(self) -> str:
        return str(self.journal.run_id)

    @contextlib.contextmanager
    def stage(self, stage: Stage) -> Iterator[OpenStep]:
        """Bracket a stage: told, timed, journaled; a failure closes it as failed."""
        self._tell(stage, State.STARTED)
        try:
            with self.journal.step(Step.Kind.STAGE, stage.value) as step:
                yield step
        except BaseException:
            self._tell(stage, State.FAILED)
            raise
        self._tell(stage, State.DONE)

    def _tell(self, stage: Stage, state: State) -> None:
        self.report(Progress(stage=stage, state=state, label=stage.value))


@dataclass(frozen=True, slots=True)
class Standing:
    """What a run that was ended early had done, and what to do next."""

    done: str
    remedy: str = _AGAIN


@contextlib.contextmanager
def recording(
    alias: str,
    conf: Conf,
    command: str,
    report: ProgressCallback,
    *,
    standing: Callable[[Journal], Standing],
) -> Iterator[Recording]:
    """Record a run from its first row to its last, whatever happens in between.

    What killed runs left open is closed first: the caller's lock proves them dead.
    Raises StoppedError in place of an interrupt; `standing` is asked how things are.
    """
    journal = Journal.open(alias, conf, command)
    try:
        _settle(journal)
        yield Recording(journal, report)
    except MigrationOpsError as exc:
        _close(journal, _state_of(exc), exc.exit_code, exc, exc.remedy)
        raise
    except KeyboardInterrupt as exc:
        signum = signal.SIGTERM if isinstance(exc, TerminatedError) else signal.SIGINT
        how = standing(journal)
        stopped = StoppedError(
            signum, f"Stopped by a signal. {how.done}", remedy=how.remedy
        )
        _close(journal, Run.State.STOPPED, stopped.returncode, stopped, how.remedy)
        raise stopped from exc
    except (Exception, SystemExit) as exc:
        journal.traceback(exc)
        how = standing(journal)
        failed = MigrationOpsError(
            f"{type(exc).__name__}: {exc}\n{how.done}", remedy=how.remedy
        )
        _close(journal, Run.State.FAILED, 1, failed, how.remedy)
        raise failed from exc
    else:
        journal.close(Run.State.DONE, 0)


def unfinished(alias: str) -> QuerySet[Run]:
    """Return the runs that were killed, or whose post_migrate was not sent."""
    return Run.objects.using(alias).filter(
        Q(state=Run.State.OPEN) | Q(post_migrate_due=True)
    )


def _settle(journal: Journal) -> None:
    journal.connection.execute(
        "UPDATE migrationops_run SET state = %s, error = %s, finished_at = now() "
        "WHERE state = %s AND id <> %s",
        [
            Run.State.FAILED.value,
            f"Killed: run {journal.run_id} found it open and its lock free.",
            Run.State.OPEN.value,
            journal.run_id,
        ],
    )


def migrations_standing(journal: Journal) -> Standing:
    """Say what was done before the run ended, by its own rows and by the records."""
    try:
        rows = journal.connection.execute(
            "SELECT label FROM migrationops_step s "
            "WHERE run_id = %s AND kind = %s AND (state = %s OR EXISTS ("
            "SELECT FROM django_migrations WHERE (app, name) = (s.app, s.migration))) "
            "ORDER BY number",
            [journal.run_id, Step.Kind.MIGRATION.value, Step.State.DONE.value],
        ).fetchall()
    except psycopg.Error:
        return Standing(f"The server is gone; {journal.file.path} has what was done.")
    done = ", ".join(row[0] for row in rows) or "none"
    return Standing(f"Migrations applied and recorded in this run: {done}.")


def _state_of(exc: MigrationOpsError) -> Run.State:
    match exc.exit_code:
        case 3:
            return Run.State.REFUSED
        case 4:
            return Run.State.DIFFERS
        case _:
            return Run.State.FAILED


def _close(
    journal: Journal, state: Run.State, code: int, exc: BaseException, remedy: str
) -> None:
    """Close the row if the server still answers; the file has it in any case.

    Where everything is as before the run, no post_migrate is due for it.
    """
    values = {"error": str(exc), "remedy": remedy}
    due = {"post_migrate_due": False} if isinstance(exc, FailedError) else {}
    with contextlib.suppress(psycopg.Error):
        journal.close(state, code, **values, **due)
