"""A member's ledger while a history is made: what the trigger would have done."""

from __future__ import annotations

from dataclasses import dataclass, field

from chores.rewards.builtin import BUILTIN
from chores.rewards.models import Kind, Metric
from chores.scenarios.batch import Batch

EARNING = (Kind.CHORE, Kind.BONUS, Kind.BADGE)


@dataclass(slots=True, kw_only=True)
class Purse:
    """A member's running figures and the metrics that badges look at."""

    household: int
    member: int
    role: str
    achievements: dict[str, int]
    balance: int = 0
    earned: int = 0
    entries: int = 0
    bonuses: int = 0
    metrics: dict[Metric, int] = field(default_factory=dict)
    chores: set[int] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    days: dict[object, bool] = field(default_factory=dict)

    def post(
        self,
        batch: Batch,
        kind: Kind,
        amount: int,
        *,
        day: object,
        at: str,
        earned: int | None = None,
        completion: int | None = None,
        redemption: int | None = None,
        badge: int | None = None,
        reverses: int | None = None,
        note: str = "",
    ) -> int:
        """Add an entry; return its id. A reversal says what it takes from earned."""
        if earned is None:
            earned = amount if kind in EARNING else 0
        self.balance += amount
        self.earned += earned
        self.entries += 1
        number = batch.ids.take("rewards_pointentry")
        batch.add(
            "rewards_pointentry",
            *(number, self.household, self.member, self.entries, self.balance),
            *(earned, day, kind.value, amount, completion, redemption, badge),
            *(reverses, note, at),
        )
        return number

    def count(self, metric: Metric, by: int = 1) -> None:
        """Add to a metric."""
        self.metrics[metric] = self.metrics.get(metric, 0) + by

    def award(self, batch: Batch, *, day: object, at: str) -> None:
        """Give the badges that are reached and not held."""
        self.metrics[Metric.POINTS] = self.earned - self.bonuses
        self.metrics[Metric.DISTINCT_CHORES] = len(self.chores)
        for code, _, _, metric, threshold, bonus in BUILTIN:
            value = self.metrics.get(metric, 0)
            if code in self.held or value < threshold or code not in self.achievements:
                continue
            self.held.add(code)
            self.give(batch, self.achievements[code], value, bonus, day=day, at=at)

    def give(
        self,
        batch: Batch,
        achievement: int,
        value: int,
        bonus: int,
        *,
        day: object,
        at: str,
    ) -> None:
        """Add a badge and its bonus."""
        badge = batch.ids.take("rewards_userachievement")
        batch.add(
            "rewards_userachievement",
            *(badge, self.household, self.member, achievement, value, at),
        )
        if bonus:
            self.bonuses += bonus
            self.post(batch, Kind.BADGE, bonus, day=day, at=at, badge=badge)

    def end_day(self, day: object, *, done: bool) -> None:
        """Remember how a day's due items ended; one missed spoils the day."""
        self.days[day] = self.days.get(day, True) and done

    def longest_streak(self) -> int:
        """Return the longest run of days that ended all done."""
        longest = length = 0
        for day in sorted(self.days, key=str):
            length = length + 1 if self.days[day] else 0
            longest = max(longest, length)
        return longest
