"""Try again what failed on a lock, inside a hard budget."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from django.db import Error as DjangoError
from psycopg import errors

T = TypeVar("T")
_BASE, _CAP = 0.1, 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One failed try: its number from 1, its error, and the pause that follows (s)."""

    number: int
    error: Exception
    pause: float


def is_transient(exc: BaseException) -> bool:
    """Whether this is a lock timeout (55P03) or a deadlock (40P01)."""
    cause = exc.__cause__ if isinstance(exc, DjangoError) else exc
    return isinstance(cause, errors.LockNotAvailable | errors.DeadlockDetected)


def retrying(
    attempt: Callable[[], T],
    *,
    budget: float,
    before_pause: Callable[[Attempt], None],
    least: float = 0.0,
) -> T:
    """Call `attempt` until it passes or `budget` seconds are used up.

    Exponential pauses with full jitter, after `least` seconds in which those that
    queued behind the try catch up: else two tries in a row stall them as one long
    one. The last error goes to the caller.
    """
    deadline = time.monotonic() + budget
    number = 1
    while True:
        try:
            return attempt()
        except (psycopg.Error, DjangoError) as exc:
            jitter = random.uniform(0, min(_CAP, _BASE * 2**number))  # noqa: S311
            pause = least + jitter
            if not is_transient(exc) or time.monotonic() + pause > deadline:
                raise
            before_pause(Attempt(number=number, error=exc, pause=pause))
        time.sleep(pause)
        number += 1
