"""When things happen in a made-up household: chores, their dates, its clock."""

from __future__ import annotations

import datetime
import itertools
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from chores.tasks.models import Schedule

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A chore as the history needs it; days are those of a calendar."""

    id: int
    schedule: str
    points: int
    assign: str
    people: Sequence[int]
    needs_approval: bool = False
    lead_days: int = 0
    every_days: int = 0
    days: Sequence[datetime.date] = ()


@cache
def offset_of(timezone: str, day: datetime.date) -> str:
    """Return a zone's offset at noon, as it stands in a timestamp."""
    noon = datetime.datetime.combine(day, datetime.time(12))
    return noon.replace(tzinfo=zoneinfo.ZoneInfo(timezone)).strftime("%z")


def clock(timezone: str, day: datetime.date, minute: int) -> str:
    """Return a time of a household's day as PostgreSQL reads it."""
    return f"{day} {minute // 60:02}:{minute % 60:02}{offset_of(timezone, day)}"


@cache
def day_end(timezone: str, day: datetime.date) -> str:
    """Return when a household's day is over, if it starts at midnight."""
    midnight = datetime.datetime.combine(day + DAY, datetime.time())
    instant = midnight.replace(tzinfo=zoneinfo.ZoneInfo(timezone))
    return instant.astimezone(datetime.UTC).isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A date of a chore, and the day on which it is dealt with."""

    at: datetime.date
    order: int
    job: Job
    due: datetime.date
    turn: int
    following: datetime.date | None = None


def events_of(
    job: Job, order: int, rng: Random, today: datetime.date
) -> Iterator[Event]:
    """Yield what happens to one chore, in the order of its dates."""
    if job.schedule != Schedule.AFTER:
        pairs = itertools.pairwise([*job.days, None])
        for turn, (day, following) in enumerate(pairs):
            assert day is not None
            yield Event(
                at=day, order=order, job=job, due=day, turn=turn, following=following
            )
        return
    due = job.days[0]
    for turn in itertools.count():
        at = due + DAY * rng.randint(-job.lead_days, 3)
        yield Event(at=at, order=order, job=job, due=due, turn=turn)
        if at >= today:
            return
        due = at + DAY * job.every_days
