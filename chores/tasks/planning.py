"""Which occurrences a chore has: from its definition to rows, without any write."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chores.households.days import due_instant, household_day, start_of
from chores.tasks import rules
from chores.tasks.models import Assign, Chore, Occurrence, Schedule
from chores.tasks.people import People, Turn, next_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chores.households.models import Household


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Whether something is to be done already, and the next slot of next_on."""

    standing: bool = False
    free_slot: int = 0


NOTHING = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one pass of the generator knows of a chore."""

    now: datetime.datetime
    horizon_days: int
    people: People
    last_turn: Turn | None = None
    taken: Mapping[datetime.date, int] = field(default_factory=dict)
    history: History = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rows to insert where they do not exist, and the date to go on from."""

    occurrences: tuple[Occurrence, ...]
    next_on: datetime.date | None


def plan(chore: Chore, window: Window) -> Plan:
    """Return what to make from the chore's next_on to the horizon."""
    assert chore.next_on is not None
    last = household_day(chore.household, window.now) + datetime.timedelta(
        days=window.horizon_days
    )
    if chore.schedule == Schedule.CALENDAR:
        return plan_calendar(chore, window, last)
    if chore.next_on > last:
        return Plan(occurrences=(), next_on=chore.next_on)
    over = chore.ends_on is not None and chore.ends_on < chore.next_on
    if window.history.standing or over:
        return Plan(occurrences=(), next_on=None)
    return Plan(
        occurrences=tuple(rows_of_day(chore, window, chore.next_on, lonely=True)),
        next_on=None,
    )


def plan_calendar(chore: Chore, window: Window, last: datetime.date) -> Plan:
    """Return the rows of each date up to last that are not past their time."""
    days, next_on = calendar_days(chore, last)
    rows: list[Occurrence] = []
    for day, expires_at in still_valid(chore, days, next_on, window.now):
        if day in window.taken:
            turn = Turn(day=day, member=window.taken[day])
            window = replace(window, last_turn=turn)
            continue
        made = rows_of_day(chore, window, day, expires_at=expires_at)
        rows += made
        if made and made[0].turn_of_id is not None:
            turn = Turn(day=day, member=made[0].turn_of_id)
            window = replace(window, last_turn=turn)
    return Plan(occurrences=tuple(rows), next_on=next_on)


def calendar_days(
    chore: Chore, last: datetime.date
) -> tuple[list[datetime.date], datetime.date | None]:
    """Return the dates from next_on to last, and the first one after."""
    days: list[datetime.date] = []
    assert chore.next_on is not None
    for day in chore_dates(chore, chore.next_on):
        if day > last:
            return days, day
        days.append(day)
    return days, None


def chore_dates(chore: Chore, first: datetime.date) -> Iterator[datetime.date]:
    """Yield the calendar dates of a chore from a first one on."""
    return rules.dates(
        rules.parse(chore.rrule),
        starts_on=chore.starts_on,
        week_starts_on=chore.household.week_starts_on,
        first=first,
        last=chore.ends_on,
    )


def still_valid(
    chore: Chore,
    days: list[datetime.date],
    next_on: datetime.date | None,
    now: datetime.datetime,
) -> list[tuple[datetime.date, datetime.datetime | None]]:
    """Return the dates worth a row, each with the instant of its expiry.

    Of those that are late already only the newest: after an outage nobody should
    return to a wall of red.
    """
    late: list[tuple[datetime.date, datetime.datetime | None]] = []
    coming = []
    for day, following in itertools.pairwise([*days, next_on]):
        assert day is not None
        expires_at = expiry(chore, day, following)
        if due_instant(chore.household, day, chore.due_time) > now:
            coming.append((day, expires_at))
        elif expires_at is None or expires_at > now:
            late = [(day, expires_at)]
    return late + coming


def expiry(
    chore: Chore, day: datetime.date, following: datetime.date | None
) -> datetime.datetime | None:
    """Return when a calendar occurrence is missed; None for never.

    At the end of its days of grace, else when the chore falls due again.
    """
    due_at = due_instant(chore.household, day, chore.due_time)
    if chore.grace_days is not None:
        end = day + datetime.timedelta(days=chore.grace_days + 1)
        return max(due_at, start_of(chore.household, end))
    if following is None:
        return None
    return max(due_at, due_instant(chore.household, following, chore.due_time))


def rows_of_day(
    chore: Chore,
    window: Window,
    day: datetime.date,
    *,
    expires_at: datetime.datetime | None = None,
    lonely: bool = False,
) -> list[Occurrence]:
    """Return a date's rows: one, or one for each member, or none if all are away.

    A lonely one is made all the same: it is the only one its chore has.
    """
    eligible = window.people.eligible(day)
    if not eligible and not (lonely and chore.assign != Assign.EVERYONE):
        return []
    if chore.assign == Assign.EVERYONE:
        return [
            row(chore, day, expires_at=expires_at, slot=member, assignee=member)
            for member in eligible
        ]
    slot, turn = window.history.free_slot, None
    if chore.assign == Assign.TURNS:
        people, last = window.people, window.last_turn
        turn = next_turn(chore, chore.household, people, last, day)
    return [row(chore, day, expires_at=expires_at, slot=slot, turn=turn, assignee=turn)]


def row(
    chore: Chore,
    day: datetime.date,
    *,
    expires_at: datetime.datetime | None = None,
    slot: int = 0,
    turn: int | None = None,
    assignee: int | None = None,
) -> Occurrence:
    """Return an unsaved occurrence of a date."""
    household: Household = chore.household
    return Occurrence(
        household=household,
        chore=chore,
        due_on=day,
        slot=slot,
        opens_on=day - datetime.timedelta(days=chore.lead_days),
        due_at=due_instant(household, day, chore.due_time),
        expires_at=expires_at,
        turn_of_id=turn,
        assignee_id=assignee,
    )
