from __future__ import annotations

from django.apps import AppConfig

from chores.integrity import register_check
from chores.rewards.declared import TRIGGERS


class RewardsConfig(AppConfig):
    name = "chores.rewards"

    def ready(self) -> None:
        register_check(self, TRIGGERS)
