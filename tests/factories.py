"""Every factory of the application, for tests."""

from __future__ import annotations

from chores.accounts.factories import UserFactory, VerificationTokenFactory
from chores.households.factories import (
    AbsenceFactory,
    AdminFactory,
    ChildFactory,
    HouseholdFactory,
    MembershipFactory,
    NoticeFactory,
    SystemSettingFactory,
)
from chores.rewards.factories import (
    AchievementFactory,
    PointEntryFactory,
    RedemptionFactory,
    RewardFactory,
    UserAchievementFactory,
)
from chores.tasks.factories import (
    ChoreCompletionFactory,
    ChoreFactory,
    ChoreParticipantFactory,
    OccurrenceFactory,
)

__all__ = [
    "AbsenceFactory",
    "AchievementFactory",
    "AdminFactory",
    "ChildFactory",
    "ChoreCompletionFactory",
    "ChoreFactory",
    "ChoreParticipantFactory",
    "HouseholdFactory",
    "MembershipFactory",
    "NoticeFactory",
    "OccurrenceFactory",
    "PointEntryFactory",
    "RedemptionFactory",
    "RewardFactory",
    "SystemSettingFactory",
    "UserAchievementFactory",
    "UserFactory",
    "VerificationTokenFactory",
]
