"""Household days and due times over every IANA zone and its transitions."""

from __future__ import annotations

import datetime
import zoneinfo
from bisect import bisect_left
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from chores.households.days import (
    due_instant,
    household_day,
    instant_of,
    start_of,
    week_start,
)
from chores.households.models import Household

ZONES = sorted(zoneinfo.available_timezones())
FIRST = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
LAST = datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
WEEK = 7 * DAY
QUARTER = HOUR / 4
# Their clocks go back across a day that starts at these hours.
BACKWARDS = {("Antarctica/Troll", 2), ("NZ-CHAT", 3), ("Pacific/Chatham", 3)}


def home(zone: str, hour: int = 0) -> Household:
    return Household(name="Home", timezone=zone, day_starts_hour=hour)


@cache
def transitions(zone: str) -> tuple[datetime.datetime, ...]:
    """Return the instants at which a zone's offset changes.

    No zone changes its clock twice within a week.
    """
    info = zoneinfo.ZoneInfo(zone)
    weeks = [FIRST + n * WEEK for n in range((LAST - FIRST) // WEEK)]
    offsets = [start.astimezone(info).utcoffset() for start in weeks]
    changed = zip(weeks, offsets, offsets[1:], strict=False)
    return tuple(
        change_within(info, start) for start, one, other in changed if one != other
    )


def change_within(
    info: zoneinfo.ZoneInfo, start: datetime.datetime
) -> datetime.datetime:
    """Return when, to the quarter of an hour, the offset changes after a start."""
    before = start.astimezone(info).utcoffset()

    def has_changed(n: int) -> bool:
        return (start + n * QUARTER).astimezone(info).utcoffset() != before

    return start + bisect_left(range(WEEK // QUARTER), True, key=has_changed) * QUARTER


def around(zone: str) -> list[datetime.datetime]:
    """Return instants every quarter of an hour around a zone's transitions."""
    return [
        instant + n * QUARTER for instant in transitions(zone) for n in range(-16, 17)
    ]


def rule_of(zone: str) -> tuple[object, ...]:
    """Return what tells zones apart: many are one zone under several names."""
    info = zoneinfo.ZoneInfo(zone)
    return tuple((at, at.astimezone(info).utcoffset()) for at in transitions(zone))


# One zone for each way of changing the clock between 2024 and 2035.
CHANGING = sorted({rule_of(zone): zone for zone in ZONES if transitions(zone)}.values())


def test_a_day_never_runs_backwards_at_a_transition() -> None:
    backwards = set()
    for zone in CHANGING:
        instants = around(zone)
        for hour in range(7):
            household = home(zone, hour)
            days = [household_day(household, instant) for instant in instants]
            for earlier, later, before, after in zip(
                days, days[1:], instants, instants[1:], strict=False
            ):
                if later < earlier and after - before < HOUR:
                    backwards.add((zone, hour))
    assert backwards <= BACKWARDS
    assert len(CHANGING) > 20


@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 6),
    instant=st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)),
)
@settings(max_examples=300, deadline=None)
def test_every_instant_lies_within_its_day(
    zone: str, hour: int, instant: datetime.datetime
) -> None:
    household = home(zone, hour)
    moment = instant.replace(tzinfo=datetime.UTC)
    day = household_day(household, moment)
    if (zone, hour) not in BACKWARDS:
        assert start_of(household, day) - HOUR * 24 < moment
        assert moment < start_of(household, day + DAY) + HOUR


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(FIRST.date(), LAST.date()),
    due=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    hour=st.integers(0, 6),
)
@settings(max_examples=500, deadline=None)
def test_a_due_time_is_what_the_clock_shows_but_in_a_gap(
    zone: str, day: datetime.date, due: datetime.time, hour: int
) -> None:
    instant = due_instant(home(zone, hour), day, due)
    shown = instant.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)
    calendar = day + DAY if due < datetime.time(hour) else day
    wanted = datetime.datetime.combine(calendar, due)
    if shown != wanted:
        assert shown > wanted  # a gap shifts forward
        back = instant_of(zone, shown)
        assert back == instant


def test_a_due_time_holds_around_every_transition() -> None:
    for zone in CHANGING:
        info = zoneinfo.ZoneInfo(zone)
        household = home(zone)
        for start in transitions(zone):
            for n in (-1, 0, 1, 2):
                day = (start + n * DAY).astimezone(info).date()
                for due in (datetime.time(8), datetime.time(20, 30)):
                    wanted = datetime.datetime.combine(day, due)
                    shown = due_instant(household, day, due).astimezone(info)
                    assert shown.replace(tzinfo=None) >= wanted


def test_the_repeated_hour_is_the_first_one() -> None:
    first = instant_of("Europe/Dublin", datetime.datetime(2026, 10, 25, 1, 30))
    assert first == datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.UTC)


def test_a_gap_shifts_forward() -> None:
    shifted = instant_of("America/New_York", datetime.datetime(2026, 3, 8, 2, 30))
    assert shifted == datetime.datetime(2026, 3, 8, 7, 30, tzinfo=datetime.UTC)


def test_no_due_time_is_the_end_of_the_day() -> None:
    household = home("Europe/Berlin", 4)
    day = datetime.date(2026, 1, 10)
    assert due_instant(household, day, None) == start_of(household, day + DAY)


@given(day=st.dates(), first=st.integers(0, 6))
def test_a_week_has_seven_days_from_its_first(day: datetime.date, first: int) -> None:
    if day < datetime.date(1, 1, 8):
        return
    household = home("UTC")
    household.week_starts_on = first
    start = week_start(household, day)
    assert start.weekday() == first
    assert 0 <= (day - start).days < 7
