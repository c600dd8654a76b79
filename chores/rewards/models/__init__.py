from __future__ import annotations

from chores.rewards.models.achievement import Achievement, Metric
from chores.rewards.models.badge import UserAchievement
from chores.rewards.models.entry import Kind, PointEntry
from chores.rewards.models.redemption import Redemption, RedemptionState
from chores.rewards.models.reward import Reward

__all__ = [
    "Achievement",
    "Kind",
    "Metric",
    "PointEntry",
    "Redemption",
    "RedemptionState",
    "Reward",
    "UserAchievement",
]
