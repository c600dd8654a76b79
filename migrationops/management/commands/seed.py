from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from migrationops.environments import Environment
from migrationops.management.base import OpsCommand
from migrationops.management.reports import seed_text
from migrationops.seeding import Order
from migrationops.workflows.seed import seed

_ASK = "Type the name of the database that is emptied first: "


class Command(OpsCommand):
    help = "Seed the environment; a second time changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add("--env", required=True, choices=list(Environment))
        much = "How much the scenario makes; what it counts is the project's."
        add("--scale", type=int, default=1, metavar="N", help=much)
        same = "The same number gives the same data on the same day."
        add("--random-seed", type=int, default=0, metavar="N", help=same)
        anew = "Delete first what is there, in development and staging only."
        add("--flush", action="store_true", help=anew)
        add("--no-input", action="store_true", help="Never ask for the name.")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("scale", "random_seed", "flush")
        order = Order(**{name: options[name] for name in names})
        report = seed(
            alias=options["database"],
            environment=options["env"],
            order=order,
            ask=None if options["no_input"] else self.asker(_ASK),
            report=self.progress(options),
        )
        self.show({"version": 1, **asdict(report)}, seed_text(report), options)
