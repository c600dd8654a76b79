from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from migrationops.environments import Environment
from migrationops.management.base import OpsCommand
from migrationops.management.reports import seed_text
from migrationops.workflows.seed import seed


class Command(OpsCommand):
    help = "Load the environment's fixtures; a second time changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--env", required=True, choices=list(Environment))

    def handle(self, *args: Any, **options: Any) -> None:
        report = seed(alias=options["database"], environment=options["env"])
        self.show({"version": 1, **asdict(report)}, seed_text(report), options)
