"""A member's ledger while a history is made: what the trigger would have done."""

from __future__ import annotations

from dataclasses import dataclass, field

from chores.rewards.builtin import BUILTIN
from chores.rewards.models import Kind, Metric
from chores.scenarios.batch import NULL, Batch

# Plain strings: an enumeration's member takes ten times as long to become text.
CHORE, BADGE, REDEEM, REVERSAL = (
    kind.value for kind in (Kind.CHORE, Kind.BADGE, Kind.REDEEM, Kind.REVERSAL)
)
COMPLETIONS, POINTS, DAY_STREAK, ON_TIME, EARLY, DISTINCT_CHORES, HELPED, REVIEWS = (
    metric.value
    for metric in (
        Metric.COMPLETIONS,
        Metric.POINTS,
        Metric.DAY_STREAK,
        Metric.ON_TIME,
        Metric.EARLY,
        Metric.DISTINCT_CHORES,
        Metric.HELPED,
        Metric.REVIEWS,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A built-in achievement of one household."""

    achievement: int
    metric: str
    threshold: int
    bonus: int


def badges_of(achievements: dict[str, int]) -> list[Badge]:
    """Return the built-in badges for a household's achievements, ids by code."""
    return [
        Badge(
            achievement=achievements[code],
            metric=metric.value,
            threshold=threshold,
            bonus=bonus,
        )
        for code, _, _, metric, threshold, bonus in BUILTIN
        if code in achievements
    ]


@dataclass(slots=True, kw_only=True)
class Purse:
    """A member's running figures, and the badges that are still to be reached."""

    household: int
    member: int
    role: str
    wanted: list[Badge]
    balance: int = 0
    earned: int = 0
    entries: int = 0
    bonuses: int = 0
    metrics: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(Metric.values, 0)
    )
    chores: set[int] = field(default_factory=set)
    days: dict[int, bool] = field(default_factory=dict)

    def post(
        self,
        batch: Batch,
        kind: str,
        amount: int,
        day: str,
        at: str,
        *,
        earned: int,
        completion: int | str = NULL,
        redemption: int | str = NULL,
        badge: int | str = NULL,
        reverses: int | str = NULL,
    ) -> int:
        """Add an entry, and what it adds to earned; return its id."""
        self.balance += amount
        self.earned += earned
        self.entries += 1
        number = batch.ids.take("rewards_pointentry")
        batch.lines["rewards_pointentry"].append(
            f"{number}\t{self.household}\t{self.member}\t{self.entries}\t"
            f"{self.balance}\t{earned}\t{day}\t{kind}\t{amount}\t{completion}\t"
            f"{redemption}\t{badge}\t{reverses}\t\t{at}\n"
        )
        return number

    def did(self, chore: int, *, early: int, helped: bool) -> None:
        """Count a completion that was so many days early."""
        metrics = self.metrics
        self.chores.add(chore)
        metrics[COMPLETIONS] += 1
        metrics[ON_TIME] += early >= 0
        metrics[EARLY] += early > 0
        metrics[HELPED] += helped

    def award(self, batch: Batch, day: str, at: str) -> None:
        """Give the badges that are reached and not held."""
        metrics = self.metrics
        metrics[POINTS] = self.earned - self.bonuses
        metrics[DISTINCT_CHORES] = len(self.chores)
        for badge in self.wanted:
            if metrics[badge.metric] >= badge.threshold:
                self.wanted = [other for other in self.wanted if other is not badge]
                self.give(batch, badge, day, at)

    def give(self, batch: Batch, badge: Badge, day: str, at: str) -> None:
        """Add a badge and its bonus."""
        number = batch.ids.take("rewards_userachievement")
        batch.add(
            "rewards_userachievement",
            *(number, self.household, self.member, badge.achievement),
            *(self.metrics[badge.metric], at),
        )
        if badge.bonus:
            self.bonuses += badge.bonus
            self.post(
                batch, BADGE, badge.bonus, day, at, earned=badge.bonus, badge=number
            )

    def end_day(self, day: int, *, done: bool) -> None:
        """Remember how a day's due items ended; one missed spoils the day."""
        self.days[day] = self.days.get(day, True) and done

    def longest_streak(self) -> int:
        """Return the longest run of days that ended all done."""
        longest = length = 0
        for day in sorted(self.days):
            length = length + 1 if self.days[day] else 0
            longest = max(longest, length)
        return longest
