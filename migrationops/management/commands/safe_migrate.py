from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from migrationops.environments import Environment
from migrationops.graph import Target
from migrationops.management import arguments
from migrationops.management.base import OpsCommand
from migrationops.management.reports import safe_migrate_text
from migrationops.workflows.migration_run import Request
from migrationops.workflows.safe_migrate import safe_migrate


class Command(OpsCommand):
    help = "Plan, back up, apply, verify and record what is pending; or change nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("app_label", nargs="?", help="Only this app.")
        parser.add_argument(
            "migration_name", nargs="?", help="Only up to this migration of it."
        )
        parser.add_argument(
            "--plan", action="store_true", help="Show the plan; change nothing."
        )
        parser.add_argument(
            "--wait", type=arguments.seconds, help="Seconds to wait for another runner."
        )
        parser.add_argument(
            "--policy",
            choices=list(Environment),
            help="The policy of a stricter environment than this one.",
        )
        parser.add_argument(
            "--terminate-blockers",
            metavar="RULE",
            type=arguments.termination,
            help="End who blocks us, idle in a transaction for so long: idle:SECONDS.",
        )
        parser.add_argument(
            "--no-input", "--noinput", action="store_true", help="Never ask."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        target = Target(app=options["app_label"], migration=options["migration_name"])
        request = Request(
            alias=options["database"],
            target=target,
            policy=options["policy"],
            wait=options["wait"],
            plan_only=options["plan"],
            termination=options["terminate_blockers"],
        )
        report = safe_migrate(request, self.progress(options))
        self.show(report.to_json(), safe_migrate_text(report), options)
