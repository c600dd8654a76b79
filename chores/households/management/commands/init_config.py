from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from chores.households import configuration
from chores.households.models import Household
from chores.rewards import builtin
from chores.tasks import jobs


class Command(BaseCommand):
    help = (
        "Create what is missing of the configuration: settings with their defaults, "
        "built-in achievements, schedules. Never overwrites."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        settings = configuration.create_missing()
        households = Household.objects.values_list("pk", flat=True).order_by("pk")
        achievements = builtin.create_missing(households.iterator())
        schedules = jobs.install()
        self.stdout.write(
            f"Created {len(settings)} settings, {achievements} achievements and "
            f"{len(schedules)} schedules."
        )
