"""The only way from an instant to a household's date, and back."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chores.households.models import Household

DAY = datetime.timedelta(days=1)


def household_day(household: Household, instant: datetime.datetime) -> datetime.date:
    """Return the household's date: the wall clock less the hour its day starts."""
    wall = instant.astimezone(zoneinfo.ZoneInfo(household.timezone))
    start = datetime.timedelta(hours=household.day_starts_hour)
    return (wall.replace(tzinfo=None) - start).date()


def instant_of(timezone: str, wall: datetime.datetime) -> datetime.datetime:
    """Return the UTC instant of a wall clock's time.

    The first one where the clock shows it twice; where it never does, the time is
    shifted by the gap.
    """
    zone = zoneinfo.ZoneInfo(timezone)
    return wall.replace(tzinfo=zone, fold=0).astimezone(datetime.UTC)


def start_of(household: Household, day: datetime.date) -> datetime.datetime:
    """Return the instant at which a household's day begins."""
    hour = datetime.time(household.day_starts_hour)
    return instant_of(household.timezone, datetime.datetime.combine(day, hour))


def due_instant(
    household: Household, day: datetime.date, due_time: datetime.time | None
) -> datetime.datetime:
    """Return when something due on a day is late.

    A time before the hour that starts the day belongs to the next calendar date;
    no time means the end of the household's day.
    """
    if due_time is None:
        return start_of(household, day + DAY)
    if due_time < datetime.time(household.day_starts_hour):
        day += DAY
    return instant_of(household.timezone, datetime.datetime.combine(day, due_time))


def week_start(household: Household, day: datetime.date) -> datetime.date:
    """Return the first day of the household's week that holds this day."""
    return day - datetime.timedelta(days=(day.weekday() - household.week_starts_on) % 7)
