"""The achievements that every household begins with, as a copy of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chores.rewards.models import Achievement, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable

# code, name, emoji, metric, threshold, bonus
BUILTIN = (
    ("first-step", "First step", "👣", Metric.COMPLETIONS, 1, 5),
    ("busy-bee", "Busy bee", "🐝", Metric.COMPLETIONS, 100, 20),
    ("hundred", "Hundred club", "💯", Metric.POINTS, 100, 0),
    ("week-streak", "A week of days", "🔥", Metric.DAY_STREAK, 7, 10),
    ("punctual", "Like clockwork", "⏰", Metric.ON_TIME, 50, 15),
    ("early-bird", "Early bird", "🐦", Metric.EARLY, 10, 10),
    ("all-rounder", "All-rounder", "🧰", Metric.DISTINCT_CHORES, 10, 10),
    ("helping-hand", "Helping hand", "🤝", Metric.HELPED, 10, 15),
    ("fair-judge", "Fair judge", "⚖️", Metric.REVIEWS, 25, 10),
)


def builtin_achievements(household_id: int) -> list[Achievement]:
    """Return unsaved copies for a household."""
    return [
        Achievement(
            household_id=household_id,
            code=code,
            name=name,
            emoji=emoji,
            metric=metric,
            threshold=threshold,
            bonus=bonus,
        )
        for code, name, emoji, metric, threshold, bonus in BUILTIN
    ]


def create_missing(households: Iterable[int], *, alias: str | None = None) -> int:
    """Give households the achievements that they lack; return how many."""
    ids = list(households)
    rows = [row for pk in ids for row in builtin_achievements(pk)]
    achievements = Achievement.objects.using(alias)
    existing = achievements.filter(household__in=ids)
    have = set(existing.values_list("household_id", "code"))
    missing = [row for row in rows if (row.household_id, row.code) not in have]
    achievements.bulk_create(missing, ignore_conflicts=True, batch_size=5000)
    return len(missing)
