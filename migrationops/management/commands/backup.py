from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from migrationops.backups.engines import ENGINES
from migrationops.conf import Proof
from migrationops.management import arguments
from migrationops.management.backup_reports import backup_text
from migrationops.management.base import OpsCommand
from migrationops.workflows.backup import Request, backup


class Command(OpsCommand):
    help = "Back up the database, and prove the backup."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--proof",
            choices=[p.name.lower() for p in list(Proof)[1:4]],
            help="How far to prove it; the default is the policy's.",
        )
        parser.add_argument(
            "--ready-copy",
            action="store_true",
            help="Keep the restored copy, to be swapped in at once.",
        )
        parser.add_argument(
            "--engine",
            choices=list(ENGINES),
            help="The policy's by default. template: a copy on the same server, for "
            "development. pgbackrest: a restore point of the whole cluster. standby: "
            "one is paused.",
        )
        parser.add_argument(
            "--jobs",
            type=arguments.workers,
            help="Workers; more than one by itself from 10 GB on.",
        )
        parser.add_argument(
            "--wait", type=arguments.seconds, help="Seconds to wait for another runner."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        proof = options["proof"]
        request = Request(
            alias=options["database"],
            proof=Proof[proof.upper()] if proof else None,
            ready_copy=options["ready_copy"],
            engine=options["engine"],
            jobs=options["jobs"],
            wait=options["wait"],
        )
        report = backup(request, self.progress(options))
        self.show(report.to_json(), backup_text(report), options)
