"""What was earned in a stretch of days, by member."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum

from chores.rewards.models import PointEntry

if TYPE_CHECKING:
    from chores.households.models import Household

WEEK = datetime.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A member's points of this week, and the change from the last one."""

    member_id: int
    points: int
    change: int


def earned_between(
    household: Household, first: datetime.date, end: datetime.date
) -> dict[int, int]:
    """Return points earned from a first day to before an end, by member."""
    rows = PointEntry.objects.filter(
        household=household, day__gte=first, day__lt=end
    ).values_list("member_id")
    return dict(rows.annotate(points=Sum("earned_delta")).order_by())


def week_standings(household: Household, start: datetime.date) -> list[Standing]:
    """Return the leaderboard of the week that starts on a day."""
    now = earned_between(household, start, start + WEEK)
    before = earned_between(household, start - WEEK, start)
    standings = [
        Standing(
            member_id=member,
            points=now.get(member, 0),
            change=now.get(member, 0) - before.get(member, 0),
        )
        for member in now.keys() | before.keys()
    ]
    return sorted(standings, key=lambda row: (-row.points, row.member_id))
