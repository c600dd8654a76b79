"""When things happen in a made-up household: chores, their dates, its clock."""

from __future__ import annotations

import datetime
import itertools
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import NamedTuple

from chores.tasks.models import Assign, Schedule

DAY = datetime.timedelta(days=1)
# Plain strings: a member of an enumeration is found and written far more slowly.
AFTER, ANYTIME = Schedule.AFTER.value, Schedule.ANYTIME.value
ANYONE, TURNS = Assign.ANYONE.value, Assign.TURNS.value
# Every minute of a day as a clock shows it.
MINUTES = tuple(f"{n // 60:02}:{n % 60:02}" for n in range(24 * 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A household's day as PostgreSQL reads it; the offset is that of noon.

    end is when the day is over, if it starts at midnight.
    """

    number: int
    text: str
    offset: str
    end: str

    def at(self, minute: int) -> str:
        """Return a time of this day."""
        return f"{self.text} {MINUTES[minute]}{self.offset}"


class Calendar(dict[int, Day]):
    """The days of a zone by their ordinal: each is written once for all households."""

    def __init__(self, timezone: str) -> None:
        super().__init__()
        self.zone = zoneinfo.ZoneInfo(timezone)

    def __missing__(self, number: int) -> Day:
        date = datetime.date.fromordinal(number)
        noon = datetime.datetime.combine(date, datetime.time(12), self.zone)
        end = datetime.datetime.combine(date + DAY, datetime.time(), self.zone)
        self[number] = day = Day(
            number=number,
            text=str(date),
            offset=noon.strftime("%z"),
            end=end.astimezone(datetime.UTC).isoformat(),
        )
        return day


@cache
def calendar_of(timezone: str) -> Calendar:
    """Return a zone's calendar, the same one each time."""
    return Calendar(timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A chore as the history needs it; days are the ordinals of a calendar's dates."""

    id: int
    schedule: str
    points: int
    assign: str
    people: Sequence[int]
    needs_approval: bool = False
    lead_days: int = 0
    every_days: int = 0
    days: Sequence[int] = ()


class Event(NamedTuple):
    """A date of a chore, and the day on which it is dealt with; days are ordinals.

    A tuple, because millions are made and put in order: by day, then by chore.
    """

    at: int
    order: int
    turn: int
    due: int
    following: int | None
    job: Job


def events_of(job: Job, order: int, rng: Random, today: int) -> Iterator[Event]:
    """Yield what happens to one chore, in the order of its dates."""
    if job.schedule != AFTER:
        dates = itertools.zip_longest(job.days, job.days[1:])
        for turn, (day, then) in enumerate(dates):
            yield Event(day, order, turn, day, then, job)
        return
    due = job.days[0]
    for turn in itertools.count():
        at = due + rng.randint(-job.lead_days, 3)
        yield Event(at, order, turn, due, None, job)
        if at >= today:
            return
        due = at + job.every_days
