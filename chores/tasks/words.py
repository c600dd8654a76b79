"""A chore's schedule in words, and its next dates with the person for each."""

from __future__ import annotations

import calendar
import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chores.tasks import rules
from chores.tasks.models import Assign, Schedule
from chores.tasks.people import People, Turn, next_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chores.tasks.models import Chore

NAMES = {day[:2].upper(): day for day in calendar.day_name}
UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
LAST_DAY = (28, 29, 30, 31)


def listed(words: Sequence[str]) -> str:
    """Return words as a list: one, two and three."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def rule_in_words(rule: rules.Rule) -> str:
    """Return a rule as a person would say it."""
    unit = UNITS[rule.freq]
    every = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    days = ""
    if rule.bymonthday == LAST_DAY and rule.bysetpos == (-1,):
        days = " on the last day"
    elif rule.bymonthday:
        days = f" on day {listed([str(day) for day in rule.bymonthday])}"
    elif rule.byday:
        days = f" on {weekdays_in_words(rule)}"
    months = [calendar.month_name[month] for month in rule.bymonth]
    return f"{every}{days}{f' in {listed(months)}' if months else ''}"


def weekdays_in_words(rule: rules.Rule) -> str:
    """Return the rule's days of the week, with first and last where it has them."""
    position = ORDINALS.get(rule.bysetpos[0], "") if rule.bysetpos else ""
    words = []
    for day in rule.byday:
        number = re.match(r"[+-]?\d", day)
        ordinal = ORDINALS.get(int(number[0]), "") if number else ""
        words.append(f"the {ordinal} {NAMES[day[-2:]]}" if number else NAMES[day])
    return f"the {position} {listed(words)}" if position else listed(words)


def in_words(chore: Chore, names: Sequence[str]) -> str:
    """Return the whole definition in a sentence."""
    match Schedule(chore.schedule):
        case Schedule.CALENDAR:
            when = rule_in_words(rules.parse(chore.rrule))
        case Schedule.AFTER:
            when = f"{chore.every_days} days after it was done"
        case Schedule.ONCE:
            when = f"once, on {chore.starts_on:%A %d %B %Y}"
        case Schedule.ANYTIME:
            when = "as needed"
    due = f", due by {chore.due_time:%H:%M}" if chore.due_time else ""
    return f"{when[0].upper()}{when[1:]}{due}, {people_in_words(chore, names)}."


def people_in_words(chore: Chore, names: Sequence[str]) -> str:
    """Return how those who take part share a chore."""
    if not names:
        return "with nobody to do it"
    match Assign(chore.assign):
        case Assign.ANYONE:
            return f"by anyone of {listed(names)}"
        case Assign.TURNS:
            weekly = " by the week" if chore.turn_every == "week" else ""
            return f"taking turns{weekly}: {' → '.join(names)}"
        case Assign.EVERYONE:
            return f"each their own: {listed(names)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A date to come and the members who would be asked; none means anyone."""

    day: datetime.date
    members: tuple[int, ...]


def coming(
    chore: Chore,
    people: People,
    *,
    today: datetime.date,
    last_turn: Turn | None = None,
    count: int = 5,
) -> list[Coming]:
    """Return the next dates of a chore with the people for each, from today on."""
    found: list[Coming] = []
    for day in days_from(chore, today):
        eligible = people.eligible(day)
        members: tuple[int, ...] = ()
        if chore.assign == Assign.EVERYONE:
            members = tuple(eligible)
        elif chore.assign == Assign.TURNS:
            turn = next_turn(chore, chore.household, people, last_turn, day)
            if turn is not None:
                members, last_turn = (turn,), Turn(day=day, member=turn)
        if eligible:
            found.append(Coming(day=day, members=members))
        if len(found) == count:
            break
    return found


def days_from(chore: Chore, today: datetime.date) -> Iterator[datetime.date]:
    """Yield the dates of a chore from today on, as if it were done when due."""
    match Schedule(chore.schedule):
        case Schedule.CALENDAR:
            yield from rules.dates(
                rules.parse(chore.rrule),
                starts_on=chore.starts_on,
                week_starts_on=chore.household.week_starts_on,
                first=today,
                last=chore.ends_on,
            )
        case Schedule.AFTER:
            assert chore.every_days is not None
            day = max(chore.starts_on, today)
            for n in range(30):
                yield day + datetime.timedelta(days=n * chore.every_days)
        case Schedule.ONCE:
            yield chore.starts_on
        case Schedule.ANYTIME:
            return
