"""Watches a statement of ours from outside: tells its progress, and makes it give way.

Others come first: a statement behind which clients have waited for too long is
cancelled, and tried again later; at once where one of them and we wait for each
other, or the server would end whom it likes. Others are never ended, unless a rule
says whom.
"""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Self

import psycopg
from django.db import Error as DjangoError
from psycopg import errors

from migrationops.executor.termination import Termination
from migrationops.postgres import activity
from migrationops.postgres.activity import Other
from migrationops.postgres.databases import Connection
from migrationops.postgres.introspection import query
from migrationops.progress import Progress, ProgressCallback, Stage, State, silent

_INTERVAL = 0.1  # seconds between two looks
_TELL_EVERY = 10  # looks between two tellings of the progress


class GaveWayError(errors.LockNotAvailable):
    """We cancelled our own statement, since others waited behind it.

    To be tried again, as if the lock had not been free (it is a 55P03).
    """

    def __init__(self, waiters: tuple[Other, ...]) -> None:
        self.waiters = waiters
        names = "; ".join(map(str, waiters))
        super().__init__(f"gave way to {len(waiters)} waiting behind us: {names}")


class Watchdog:
    """Watches the backend `pid` while the block runs.

    `connection` is another, autocommitting one; `patience` is how long a client may
    wait behind us (s), None for ever.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        pid: int,
        label: str,
        patience: float | None,
        report: ProgressCallback = silent,
        termination: Termination | None = None,
    ) -> None:
        self._connection = connection
        self._pid = pid
        self._label = label
        self._patience = patience
        self._report = report
        self._termination = termination
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog")
        self.gave_way_to: tuple[Other, ...] = ()
        self.blocked_by: tuple[Other, ...] = ()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise GaveWayError in place of the cancellation that was ours.

        A lock timeout is given the names of those who held the lock.
        """
        self._stop.set()
        self._thread.join()
        if self.gave_way_to and _is_cancellation(exc):
            raise GaveWayError(self.gave_way_to) from exc
        if self.blocked_by and exc is not None:
            exc.add_note(f"Held up by {'; '.join(map(str, self.blocked_by))}")

    def _watch(self) -> None:
        """Look until stopped; one that cannot look any more is silent, not fatal."""
        looks = 0
        with contextlib.suppress(psycopg.Error):
            while not self._stop.wait(_INTERVAL):
                self._look()
                looks += 1
                if looks % _TELL_EVERY == 0:
                    self._tell()

    def _look(self) -> None:
        # Who waits for what we hold still does at the second look, not the reverse.
        waiters = activity.waiters(self._connection, self._pid)
        blockers = activity.blockers(self._connection, self._pid)
        self._note(blockers)
        if self._must_give_way(waiters, {other.pid for other in blockers}):
            self.gave_way_to = waiters
            self._connection.execute("SELECT pg_cancel_backend(%s)", [self._pid])

    def _must_give_way(self, waiters: tuple[Other, ...], before: set[int]) -> bool:
        if self._patience is None:
            return False
        patience = self._patience
        return any((w.seconds or 0.0) > patience or w.pid in before for w in waiters)

    def _note(self, blockers: tuple[Other, ...]) -> None:
        """Keep their names, and end those that the rule names."""
        self.blocked_by = blockers or self.blocked_by
        for other in blockers if self._termination else ():
            if self._termination and (
                told := self._termination.end(self._connection, other)
            ):
                self._say(told)

    def _tell(self) -> None:
        row = self._connection.execute(
            query("index_progress"), {"pid": self._pid}
        ).fetchone()
        if row is not None:
            self._say(row[0], done=row[1] or row[3], total=row[2] or row[4])
        for other in activity.blockers(self._connection, self._pid):
            self._say(f"waits for {other}")

    def _say(self, text: str, *, done: int = 0, total: int = 0) -> None:
        self._report(
            Progress(
                stage=Stage.APPLY,
                state=State.ADVANCED,
                label=f"{self._label}: {text}",
                done=done,
                total=total,
                unit="blocks" if total else "",
            )
        )


def _is_cancellation(exc: BaseException | None) -> bool:
    cause = exc.__cause__ if isinstance(exc, DjangoError) else exc
    return isinstance(cause, errors.QueryCanceled)
