from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from migrationops.management.base import OpsCommand
from migrationops.management.rehearsal_reports import script_text
from migrationops.workflows.rehearse import ScriptRequest, rehearse_script


class Command(OpsCommand):
    help = "Run what is pending, or a script, on a shadow database; measure it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--sql", type=Path, help="A script, instead of the plan.")
        parser.add_argument("--schema", type=Path, help="What the script starts from.")
        parser.add_argument(
            "--no-transaction",
            action="store_true",
            help="Run the script's statements each by itself.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["sql"] and options["schema"]):
            raise CommandError("--sql and --schema go together.", returncode=2)
        report = rehearse_script(
            ScriptRequest(
                alias=options["database"],
                sql=options["sql"],
                schema=options["schema"],
                in_transaction=not options["no_transaction"],
            )
        )
        if options["json"]:
            self.print_json(report.to_json())
        else:
            self.stdout.write(script_text(report))
