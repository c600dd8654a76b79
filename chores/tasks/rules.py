"""Rules of calendar chores: a subset of RFC 5545 on a household's dates."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dateutil.rrule import rrule, rrulestr

from chores.exceptions import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterator

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ORDINAL = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
MAX_INTERVAL = 366
# A rule without a date in so many years is refused.
YEARS_AHEAD = 5
DAY = datetime.timedelta(days=1)
STEP = {"DAILY": 1, "WEEKLY": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A parsed rule; the empty tuple where a part is absent."""

    freq: str
    interval: int = 1
    byday: tuple[str, ...] = ()
    bymonthday: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """Return the rule in its canonical form."""
        parts = [f"FREQ={self.freq}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        for name in ("byday", "bymonthday", "bymonth", "bysetpos"):
            if values := getattr(self, name):
                parts.append(f"{name.upper()}={','.join(map(str, values))}")
        return ";".join(parts)


def parse(text: str) -> Rule:
    """Return the rule; raise RuleError, which says what is wrong with it."""
    parts = split(text)
    freq = parts.pop("FREQ", "")
    if freq not in FREQUENCIES:
        raise RuleError(f"A rule begins with FREQ, one of {', '.join(FREQUENCIES)}.")
    rule = Rule(
        freq=freq,
        interval=numbers(parts.pop("INTERVAL", "1"), 1, MAX_INTERVAL)[0],
        byday=weekdays(parts.pop("BYDAY", ""), freq),
        bymonthday=numbers(parts.pop("BYMONTHDAY", ""), -31, 31),
        bymonth=numbers(parts.pop("BYMONTH", ""), 1, 12),
        bysetpos=numbers(parts.pop("BYSETPOS", ""), -366, 366),
    )
    if parts:
        raise RuleError(f"A chore's rule has no {', '.join(sorted(parts))}.")
    if rule.bysetpos and not (rule.byday or rule.bymonthday or rule.bymonth):
        raise RuleError("BYSETPOS chooses among days; name them.")
    if rule.bymonthday and freq in ("DAILY", "WEEKLY"):
        raise RuleError("Days of the month belong to FREQ=MONTHLY or FREQ=YEARLY.")
    return rule


def split(text: str) -> dict[str, str]:
    """Return the parts of a rule by name."""
    parts: dict[str, str] = {}
    for part in filter(None, text.strip().upper().split(";")):
        name, equals, value = part.partition("=")
        if not (equals and value) or name in parts:
            raise RuleError(f"{part!r} is not a part of a rule such as FREQ=DAILY.")
        parts[name] = value
    return parts


def numbers(text: str, low: int, high: int) -> tuple[int, ...]:
    """Return whole numbers within bounds, none of them zero."""
    try:
        values = tuple(int(value) for value in text.split(",") if text)
    except ValueError:
        raise RuleError(f"{text!r} is not a list of whole numbers.") from None
    if any(value == 0 or not low <= value <= high for value in values):
        raise RuleError(f"{text} is not between {low} and {high}, zero left out.")
    return values


def weekdays(text: str, freq: str) -> tuple[str, ...]:
    """Return days of the week; with an ordinal only within months and years."""
    days = tuple(text.split(",")) if text else ()
    for day in days:
        match = ORDINAL.fullmatch(day)
        if match is None:
            raise RuleError(f"{day!r} is not one of {', '.join(WEEKDAYS)}.")
        if match[1] and freq not in ("MONTHLY", "YEARLY"):
            raise RuleError(f"{day}: only months and years have a first or last one.")
    return days


def dates(
    rule: Rule,
    *,
    starts_on: datetime.date,
    week_starts_on: int,
    first: datetime.date,
    last: datetime.date | None = None,
) -> Iterator[datetime.date]:
    """Yield the rule's dates from first to last, in order.

    Without last the search ends YEARS_AHEAD after first.
    """
    first = max(first, starts_on)
    start = shifted(rule, starts_on, first)
    until = last or add_years(first, YEARS_AHEAD)
    parsed = rrulestr(
        f"{rule.text};WKST={WEEKDAYS[week_starts_on]}",
        dtstart=datetime.datetime.combine(start, datetime.time()),
    )
    assert isinstance(parsed, rrule)
    bounded = parsed.replace(until=datetime.datetime.combine(until, datetime.time()))
    return (moment.date() for moment in bounded if moment.date() >= first)


def shifted(
    rule: Rule, starts_on: datetime.date, first: datetime.date
) -> datetime.date:
    """Return a later start with the same dates from first on.

    Whole intervals of days or weeks keep the parity, so that a rule's cost does
    not grow with its age.
    """
    step = STEP.get(rule.freq, 0) * rule.interval
    if not step or rule.bysetpos:
        return starts_on
    skipped = max((first - starts_on).days // step - 1, 0)
    return starts_on + datetime.timedelta(days=skipped * step)


def add_years(day: datetime.date, years: int) -> datetime.date:
    """Return the day some years later; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def require_a_date(
    rule: Rule,
    *,
    starts_on: datetime.date,
    ends_on: datetime.date | None,
    week_starts_on: int,
) -> None:
    """Raise RuleError when the rule never falls on a date, or hardly ever again."""
    look = partial(
        dates, rule, starts_on=starts_on, week_starts_on=week_starts_on, last=ends_on
    )
    found = next(look(first=starts_on), None)
    if found is None:
        raise RuleError(
            f"{rule.text} falls on no date in the {YEARS_AHEAD} years after "
            f"{starts_on}, or none before the chore ends."
        )
    if ends_on is None and next(look(first=found + DAY), None) is None:
        raise RuleError(
            f"{rule.text} falls on {found} and on no date in the {YEARS_AHEAD} years "
            "after it; say when the chore ends."
        )
