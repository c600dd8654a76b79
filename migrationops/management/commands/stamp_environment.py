from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from migrationops.environments import Environment
from migrationops.management.base import OpsCommand
from migrationops.workflows.stamp_environment import Report, stamp_environment

_ASK = "Type the database's name to stamp it: "


class Command(OpsCommand):
    help = "Mark the database as belonging to an environment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--env", required=True, choices=list(Environment))
        parser.add_argument(
            "--name", help="The database's name, instead of typing it when asked."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        report = stamp_environment(
            alias=options["database"],
            environment=options["env"],
            ask=(lambda: name) if name else self.asker(_ASK),
            report=self.progress(options),
        )
        self.show({"version": 1, **asdict(report)}, _text(report), options)


def _text(report: Report) -> str:
    return f"{report.database} is stamped {report.environment}."
