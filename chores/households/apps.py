from __future__ import annotations

from django.apps import AppConfig

from chores.integrity import register_check


class HouseholdsConfig(AppConfig):
    name = "chores.households"

    def ready(self) -> None:
        register_check(self)
