"""The eight all-time metrics of achievements: a registry and a function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, Sum

from chores.households.models import Membership
from chores.rewards.models import Kind, Metric, PointEntry
from chores.rewards.streaks import streaks
from chores.tasks.models import ChoreCompletion, State

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from chores.tasks.models import Chore

MetricFunction = Callable[[Membership, "Chore | None"], int]


def approved(
    member: Membership, chore: Chore | None
) -> QuerySet[ChoreCompletion, ChoreCompletion]:
    """Return a member's approved completions, of one chore or all."""
    rows = ChoreCompletion.objects.filter(member=member, state=State.APPROVED)
    return rows if chore is None else rows.filter(chore=chore)


def completions(member: Membership, chore: Chore | None) -> int:
    """Count what was done."""
    return approved(member, chore).count()


def points(member: Membership, chore: Chore | None) -> int:
    """Count what was earned but by badges; of one chore, by that chore.

    Counting a badge's own bonus would let it outlive the undo that it hung on.
    """
    if chore is not None:
        return total(approved(member, chore), "points")
    earned = Membership.objects.only("earned").get(pk=member.pk).earned
    badges = PointEntry.objects.filter(
        member=member, kind=Kind.BADGE, badge__revoked_at__isnull=True
    )
    return earned - total(badges, "amount")


def total(rows: QuerySet[Any], field: str) -> int:
    """Return the sum of a field, 0 for no rows."""
    return int(rows.aggregate(total=Sum(field))["total"] or 0)


def day_streak(member: Membership, chore: Chore | None) -> int:
    """Return the longest streak ever."""
    return streaks(member, chore).longest


def on_time(member: Membership, chore: Chore | None) -> int:
    """Count what was done before it was late."""
    return approved(member, chore).filter(on_time=True).count()


def early(member: Membership, chore: Chore | None) -> int:
    """Count what was done a day or more before it was due."""
    return approved(member, chore).filter(done_on__lt=F("occurrence__due_on")).count()


def distinct_chores(member: Membership, chore: Chore | None) -> int:
    """Count different chores."""
    return approved(member, chore).values("chore").distinct().count()


def helped(member: Membership, chore: Chore | None) -> int:
    """Count what was done in the place of another."""
    another = Q(occurrence__assignee__isnull=False) & ~Q(occurrence__assignee=member)
    return approved(member, chore).filter(another).count()


def reviews(member: Membership, chore: Chore | None) -> int:
    """Count decisions about the work of others."""
    rows = ChoreCompletion.objects.filter(
        household_id=member.household_id, reviewed_by=member
    )
    return (rows if chore is None else rows.filter(chore=chore)).count()


METRICS: dict[Metric, MetricFunction] = {
    Metric.COMPLETIONS: completions,
    Metric.POINTS: points,
    Metric.DAY_STREAK: day_streak,
    Metric.ON_TIME: on_time,
    Metric.EARLY: early,
    Metric.DISTINCT_CHORES: distinct_chores,
    Metric.HELPED: helped,
    Metric.REVIEWS: reviews,
}


def measure(metric: Metric, member: Membership, chore: Chore | None) -> int:
    """Return a member's value of a metric."""
    return METRICS[metric](member, chore)
