"""Awarding achievements, in the transaction that reached them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from chores.rewards.metrics import measure
from chores.rewards.models import (
    Achievement,
    Kind,
    Metric,
    PointEntry,
    UserAchievement,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from chores.households.models import Membership


def settle_badges(member: Membership, *, revoke: bool = False) -> None:
    """Give a member the badges that are reached; with revoke, take back lost ones."""
    if revoke:
        badges = list(held(member).select_related("achievement__chore"))
        values = measured(member, [badge.achievement for badge in badges])
        for badge, value in zip(badges, values, strict=True):
            if value < badge.achievement.threshold:
                revoke_badge(badge)
    missing = list(not_held(member).select_related("chore"))
    for achievement, value in zip(missing, measured(member, missing), strict=True):
        if value >= achievement.threshold:
            give(member, achievement, value)


def not_held(member: Membership) -> QuerySet[Achievement]:
    """Return the achievements that a member may still reach."""
    active = Achievement.objects.filter(household_id=member.household_id, active=True)
    return active.exclude(awards__in=held(member))


def held(member: Membership) -> QuerySet[UserAchievement]:
    """Return the badges that a member has now."""
    return UserAchievement.objects.filter(member=member, revoked_at__isnull=True)


def measured(member: Membership, achievements: list[Achievement]) -> list[int]:
    """Return the member's value for each achievement; each metric is asked once."""
    wanted = {(a.metric, a.chore_id): a.chore for a in achievements}
    values = {
        (metric, chore_id): measure(Metric(metric), member, chore)
        for (metric, chore_id), chore in wanted.items()
    }
    return [values[a.metric, a.chore_id] for a in achievements]


def give(member: Membership, achievement: Achievement, value: int) -> None:
    """Award one badge and its bonus."""
    badge = UserAchievement.objects.create(
        household_id=member.household_id,
        member=member,
        achievement=achievement,
        value=value,
    )
    if achievement.bonus:
        PointEntry.objects.create(
            household_id=member.household_id,
            member=member,
            kind=Kind.BADGE,
            amount=achievement.bonus,
            badge=badge,
        )


def revoke_badge(badge: UserAchievement) -> None:
    """Take a badge back, and the points that it brought."""
    badge.revoked_at = timezone.now()
    badge.save(update_fields=["revoked_at"])
    for entry in PointEntry.objects.filter(kind=Kind.BADGE, badge=badge):
        PointEntry.objects.create(
            household_id=entry.household_id,
            member_id=entry.member_id,
            kind=Kind.REVERSAL,
            amount=-entry.amount,
            reverses=entry,
        )
