from __future__ import annotations

import factory

from chores.households.factories import HouseholdFactory, MembershipFactory
from chores.rewards.models import (
    Achievement,
    Kind,
    Metric,
    PointEntry,
    Redemption,
    RedemptionState,
    Reward,
    UserAchievement,
)


class AchievementFactory(factory.django.DjangoModelFactory[Achievement]):
    class Meta:
        model = Achievement

    household = factory.SubFactory(HouseholdFactory)
    code = factory.Sequence(lambda n: f"achievement-{n}")
    name = factory.Sequence(lambda n: f"Achievement {n}")
    metric = Metric.COMPLETIONS
    threshold = 1


class UserAchievementFactory(factory.django.DjangoModelFactory[UserAchievement]):
    class Meta:
        model = UserAchievement

    member = factory.SubFactory(MembershipFactory)
    household = factory.SelfAttribute("member.household")
    achievement = factory.SubFactory(
        AchievementFactory, household=factory.SelfAttribute("..household")
    )
    value = 1


class RewardFactory(factory.django.DjangoModelFactory[Reward]):
    class Meta:
        model = Reward

    household = factory.SubFactory(HouseholdFactory)
    name = factory.Sequence(lambda n: f"Reward {n}")
    cost = 30


class RedemptionFactory(factory.django.DjangoModelFactory[Redemption]):
    """A request alone; the entry that holds its points is the shop's to make."""

    class Meta:
        model = Redemption

    member = factory.SubFactory(MembershipFactory)
    household = factory.SelfAttribute("member.household")
    reward = factory.SubFactory(
        RewardFactory, household=factory.SelfAttribute("..household")
    )
    cost = factory.SelfAttribute("reward.cost")
    state = RedemptionState.REQUESTED


class PointEntryFactory(factory.django.DjangoModelFactory[PointEntry]):
    class Meta:
        model = PointEntry

    member = factory.SubFactory(MembershipFactory)
    household = factory.SelfAttribute("member.household")
    kind = Kind.BONUS
    amount = 10
