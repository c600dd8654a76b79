"""What a household's page shows beside its form: people, board, week, year."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count
from django.utils import timezone
from django.utils.safestring import SafeString

from chores.charts import Bar, bars, heatmap
from chores.households.days import household_day, week_start
from chores.households.models import Absence, Household, Membership
from chores.rewards.leaderboards import week_standings
from chores.rewards.levels import Level, level
from chores.rewards.models import UserAchievement
from chores.rewards.streaks import streaks
from chores.tasks.models import ChoreCompletion, Occurrence, State
from chores.tasks.models.occurrence import STANDING

if TYPE_CHECKING:
    from collections.abc import Sequence

DAYS_SHOWN = 7
YEAR = datetime.timedelta(days=371)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A member at a glance."""

    member: Membership
    level: Level
    streak: int
    badges: Sequence[str]
    away_until: datetime.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Everything on a household's page."""

    today: datetime.date
    cards: Sequence[Card]
    board: Sequence[Occurrence]
    waiting: int
    week: SafeString
    year: SafeString


def hub(household: Household, *, now: datetime.datetime | None = None) -> Hub:
    """Return a household's page for this moment."""
    now = now or timezone.now()
    today = household_day(household, now)
    members = list(
        Membership.objects.filter(household=household).active().order_by("pk")
    )
    pending = ChoreCompletion.objects.filter(household=household, state=State.PENDING)
    return Hub(
        today=today,
        cards=cards(household, members, today),
        board=board(household, today),
        waiting=pending.count(),
        week=week_chart(household, members, today),
        year=year_chart(household, today),
    )


def cards(
    household: Household, members: Sequence[Membership], today: datetime.date
) -> list[Card]:
    """Return a card for each member."""
    held = UserAchievement.objects.filter(household=household, revoked_at__isnull=True)
    badges = list(held.select_related("achievement").order_by("awarded_at"))
    absences = Absence.objects.filter(household=household, days__contains=today)
    away = {row.member_id: row.days.upper for row in absences}
    return [
        Card(
            member=member,
            level=level(member.earned),
            streak=streaks(member).current,
            badges=[str(b.achievement) for b in badges if b.member_id == member.pk],
            away_until=away.get(member.pk),
        )
        for member in members
    ]


def board(household: Household, today: datetime.date) -> list[Occurrence]:
    """Return what is to be done in the coming week, and what is late."""
    until = today + datetime.timedelta(days=DAYS_SHOWN)
    rows = Occurrence.objects.filter(
        household=household, status__in=STANDING, due_on__lte=until
    )
    related = rows.select_related("chore", "assignee")
    return list(related.order_by("due_on", "due_at", "pk")[:50])


def week_chart(
    household: Household, members: Sequence[Membership], today: datetime.date
) -> SafeString:
    """Return this week's leaderboard, or one bar for a household that has none.

    Empty where nobody had points this week or the last.
    """
    standings = week_standings(household, week_start(household, today))
    if not standings:
        return SafeString()
    if not household.show_leaderboard:
        together = sum(row.points for row in standings)
        return bars([Bar(label="Together", value=together)], label="This week")
    names = {member.pk: member.name for member in members}
    rows = [
        Bar(
            label=names[row.member_id],
            value=row.points,
            note=f"{row.change:+d} against last week",
        )
        for row in standings
        if row.member_id in names
    ]
    return bars(rows, label="Points of this week")


def year_chart(household: Household, today: datetime.date) -> SafeString:
    """Return a year of completions, a cell a day."""
    done = ChoreCompletion.objects.filter(
        household=household, state=State.APPROVED, done_on__gt=today - YEAR
    )
    counts = done.values_list("done_on").annotate(done=Count("pk")).order_by()
    return heatmap(dict(counts), until=today, what="chores done")
