from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chores.tasks.generator import generate
from chores.tasks.sweep import sweep


class Command(BaseCommand):
    help = "Mark what was missed, and make occurrences up to the horizon."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, help="the horizon, instead of the configured one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        missed = sweep()
        made = generate(horizon_days=options["days"])
        self.stdout.write(
            f"{made.occurrences} occurrences made for {made.chores} chores, "
            f"{missed} marked as missed."
        )
