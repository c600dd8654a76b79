"""Rows changed a few at a time, in the order of the key, a commit each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.models import Model, Q, QuerySet

from migrationops.exceptions import NeedsPersonError
from migrationops.models import Run
from migrationops.postgres import activity
from migrationops.postgres.retry import Attempt, retrying

_FIRST, _MOST = 200, 20_000  # rows of a batch
_LOOK_EVERY = 0.5  # seconds between two looks at the server's load
_PATIENCE = 600.0  # seconds to wait for a row lock, a replica or a quiet moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How hard the batches may press."""

    seconds: float = 0.05  # a batch holds its row locks about this long
    rest: float = 0.1  # the pause after a batch, as a part of its time
    max_lag: float = 10.0  # seconds a replica may be behind
    max_active: int = 0  # other sessions at work; 0 is no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows that still match `where`, and what they are to get.

    `where` must cease to match a row that has its values: it is how a killed run
    finds the rest.
    """

    model: type[Model]
    alias: str
    values: Mapping[str, Any]
    where: Q

    def after(self, key: Any) -> QuerySet[Any]:
        rows = self.model._base_manager.using(self.alias).filter(self.where)
        return rows if key is None else rows.filter(pk__gt=key)

    def end(self, key: Any, size: int) -> Any:
        """Return the last key of the next `size` rows; None when none are left."""
        keys = self.after(key).values_list("pk", flat=True)
        full = list(keys.order_by("pk")[size - 1 : size])
        return full[0] if full else keys.order_by("-pk").first()

    def update(self, key: Any, end: Any, *, patience: float) -> int:
        """Change the rows up to `end` in one transaction.

        Give up (55P03) when another's row lock is not free within `patience`
        seconds: our own locks are held meanwhile.
        """
        with transaction.atomic(using=self.alias):
            with connections[self.alias].cursor() as cursor:
                limit = f"{max(1, int(patience * 1000))}ms"
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [limit])
            return self.after(key).filter(pk__lte=end).update(**self.values)


def change(rows: Rows, pace: Pace, *, report: Callable[[int], None]) -> int:
    """Change all rows; return how many were. `report` is told the sum so far."""
    key: Any = None
    size, done, look = _FIRST, 0, 0.0
    while (end := rows.end(key, size)) is not None:
        if time.monotonic() > look:
            _wait_for_quiet(rows.alias, pace)
            look = time.monotonic() + _LOOK_EVERY
        started = time.monotonic()
        done += _update(rows, key, end, pace)
        took = time.monotonic() - started
        report(done)
        key, size = end, _resized(size, took, pace)
        time.sleep(took * pace.rest)
    return done


def _update(rows: Rows, key: Any, end: Any, pace: Pace) -> int:
    def ignore(attempt: Attempt) -> None:
        """Nothing is held during the pause: the batch was rolled back."""

    return retrying(
        lambda: rows.update(key, end, patience=pace.seconds),
        budget=_PATIENCE,
        before_pause=ignore,
    )


def _resized(size: int, took: float, pace: Pace) -> int:
    """Approach the pace; a batch grows no faster than twofold."""
    factor = min(2.0, max(0.25, pace.seconds / max(took, 0.001)))
    return max(1, min(_MOST, int(size * factor)))


def _wait_for_quiet(alias: str, pace: Pace) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _is_quiet(load := _load(alias, pace), pace):
        if time.monotonic() > deadline:
            raise NeedsPersonError(
                f"The backfill waited {_PATIENCE:.0f} s for the server to be quiet: a "
                f"replica is {load.lag:.0f} s behind, {load.active} sessions are at "
                "work. The batches so far are committed.",
                remedy="Run the same command again later: it goes on where it stopped.",
            )
        time.sleep(_LOOK_EVERY)


def _load(alias: str, pace: Pace) -> activity.Load:
    """Read the load; a standby that a run has paused is behind on purpose."""
    load = activity.load(connections[alias].connection)
    if load.lag <= pace.max_lag:
        return load
    runs = Run.objects.using(alias).filter(backup__pause__lsn__isnull=False)
    paused = runs.values_list("backup__pause__lsn", flat=True)
    return activity.load(connections[alias].connection, besides=list(paused))


def _is_quiet(load: activity.Load, pace: Pace) -> bool:
    crowded = pace.max_active and load.active > pace.max_active
    return load.lag <= pace.max_lag and not crowded
