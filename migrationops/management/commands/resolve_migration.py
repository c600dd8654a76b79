from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from migrationops.graph import Target
from migrationops.management import arguments
from migrationops.management.base import OpsCommand
from migrationops.management.reports import resolve_migration_text
from migrationops.workflows.resolve_migration import (
    Request,
    Settled,
    resolve_migration,
)


class Command(OpsCommand):
    help = "Settle a migration that stopped half way, once the catalog agrees."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("app_label", help="The migration's app.")
        parser.add_argument("migration_name", help="Its name, or how that begins.")
        settled = parser.add_mutually_exclusive_group(required=True)
        settled.add_argument(
            "--applied",
            dest="settled",
            action="store_const",
            const=Settled.APPLIED,
            help="All of it is in the database: record it.",
        )
        settled.add_argument(
            "--rolled-back",
            dest="settled",
            action="store_const",
            const=Settled.ROLLED_BACK,
            help="Nothing of it is left: remove its record.",
        )
        parser.add_argument(
            "--wait", type=arguments.seconds, help="Seconds to wait for another runner."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        request = Request(
            alias=options["database"],
            target=Target(
                app=options["app_label"], migration=options["migration_name"]
            ),
            settled=options["settled"],
            wait=options["wait"],
        )
        report = resolve_migration(request, self.progress(options))
        self.show(report.to_json(), resolve_migration_text(report), options)
