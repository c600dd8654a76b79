from __future__ import annotations

import datetime
import itertools

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from chores.exceptions import RuleError
from chores.tasks import rules

MONDAY = datetime.date(2026, 1, 5)
days = st.dates(datetime.date(2020, 1, 1), datetime.date(2030, 1, 1))
weekday_lists = st.lists(st.sampled_from(rules.WEEKDAYS), max_size=4, unique=True)


@st.composite
def any_rule(draw: st.DrawFn) -> rules.Rule:
    freq = draw(st.sampled_from(rules.FREQUENCIES))
    monthly = freq in ("MONTHLY", "YEARLY")
    return rules.Rule(
        freq=freq,
        interval=draw(st.integers(1, 5)),
        byday=tuple(draw(weekday_lists)),
        bymonthday=tuple(
            draw(st.lists(st.integers(1, 31), max_size=3, unique=True))
            if monthly
            else ()
        ),
        bymonth=tuple(draw(st.lists(st.integers(1, 12), max_size=3, unique=True))),
    )


def found(rule: rules.Rule, start: datetime.date, first: datetime.date) -> list:
    last = first + datetime.timedelta(days=400)
    return list(
        rules.dates(rule, starts_on=start, week_starts_on=0, first=first, last=last)
    )


@given(rule=any_rule(), start=days, later=st.integers(0, 900))
@settings(max_examples=100, deadline=None)
def test_looking_from_later_finds_the_same_dates(
    rule: rules.Rule, start: datetime.date, later: int
) -> None:
    first = start + datetime.timedelta(days=later)
    last = first + datetime.timedelta(days=400)
    whole = rrulestr(
        f"{rule.text};WKST=MO",
        dtstart=datetime.datetime.combine(start, datetime.time()),
    )
    expected = itertools.takewhile(lambda d: d.date() <= last, whole)
    assert found(rule, start, first) == [
        moment.date() for moment in expected if moment.date() >= first
    ]


@given(rule=any_rule(), start=days)
@settings(max_examples=100, deadline=None)
def test_dates_increase_and_none_repeats(
    rule: rules.Rule, start: datetime.date
) -> None:
    dates = found(rule, start, start)
    assert dates == sorted(set(dates))


@given(rule=any_rule())
def test_the_canonical_form_is_read_back(rule: rules.Rule) -> None:
    assert rules.parse(rule.text) == rule


@given(start=days)
@settings(deadline=None)
def test_the_last_day_of_the_month_is_one_a_month(start: datetime.date) -> None:
    rule = rules.parse("FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1")
    dates = found(rule, start, start)
    months = [(day.year, day.month) for day in dates]
    assert len(months) == len(set(months)) >= 13
    assert all((day + datetime.timedelta(days=1)).day == 1 for day in dates)


def test_every_second_week_keeps_its_parity_from_any_day() -> None:
    rule = rules.parse("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    whole = found(rule, MONDAY, MONDAY)
    for day in range(60):
        first = MONDAY + datetime.timedelta(days=day)
        expected = [date for date in whole if date >= first]
        assert found(rule, MONDAY, first)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with FREQ"),
        ("FREQ=HOURLY", "begins with FREQ"),
        ("FREQ=DAILY;COUNT=3", "has no COUNT"),
        ("FREQ=DAILY;UNTIL=20300101", "has no UNTIL"),
        ("FREQ=DAILY;INTERVAL=0", "between 1 and 366"),
        ("FREQ=DAILY;INTERVAL=x", "whole numbers"),
        ("FREQ=DAILY;FREQ=DAILY", "not a part"),
        ("nonsense", "not a part"),
        ("FREQ=WEEKLY;BYDAY=XX", "is not one of"),
        ("FREQ=WEEKLY;BYDAY=1MO", "first or last"),
        ("FREQ=DAILY;BYMONTHDAY=30", "belong to"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "between"),
        ("FREQ=MONTHLY;BYSETPOS=1", "name them"),
    ],
)
def test_a_bad_rule_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(RuleError, match=says):
        rules.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=YEARLY;BYDAY=MO;BYMONTHDAY=30;BYMONTH=2",
    ],
)
def test_a_rule_that_never_falls_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="falls on no date"):
        rules.require_a_date(
            rules.parse(text), starts_on=MONDAY, ends_on=None, week_starts_on=0
        )


def test_a_rule_whose_next_date_nobody_would_look_for_needs_an_end() -> None:
    def require(text: str, ends_on: datetime.date | None = None) -> None:
        rule = rules.parse(text)
        rules.require_a_date(rule, starts_on=MONDAY, ends_on=ends_on, week_starts_on=0)

    require("FREQ=YEARLY;INTERVAL=5")
    with pytest.raises(RuleError, match="say when the chore ends"):
        require("FREQ=YEARLY;INTERVAL=6")
    require("FREQ=YEARLY;INTERVAL=6", ends_on=datetime.date(2040, 1, 1))


def test_a_rule_that_falls_after_the_end_is_refused() -> None:
    with pytest.raises(RuleError, match="before the chore ends"):
        rules.require_a_date(
            rules.parse("FREQ=WEEKLY;BYDAY=SU"),
            starts_on=MONDAY,
            ends_on=MONDAY + datetime.timedelta(days=3),
            week_starts_on=0,
        )
