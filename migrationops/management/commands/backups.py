from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from migrationops.conf import Proof
from migrationops.exceptions import DiffersError
from migrationops.management.backup_reports import backups_text, verified_text
from migrationops.management.base import OpsCommand
from migrationops.workflows.backups import list_backups, verify_backups


class Command(OpsCommand):
    help = "List the backups, or prove them again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=["list", "verify"])
        parser.add_argument("backup", nargs="?", help="Only this one.")
        parser.add_argument(
            "--proof",
            default="counted",
            choices=[p.name.lower() for p in list(Proof)[1:4]],
        )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"])(options)

    def list(self, options: dict[str, Any]) -> None:
        listed = list_backups(alias=options["database"])
        if options["json"]:
            self.print_json(listed.to_json())
        else:
            self.stdout.write(backups_text(listed))

    def verify(self, options: dict[str, Any]) -> None:
        found = verify_backups(
            alias=options["database"],
            identifier=options["backup"],
            level=Proof[options["proof"].upper()],
            report=self.progress(options),
        )
        if options["json"]:
            self.print_json({"version": 1, "verified": [asdict(v) for v in found]})
        else:
            self.stdout.write(verified_text(found))
        if any(v.problem for v in found):
            raise DiffersError("Not every backup holds.", remedy="Take a new one.")
