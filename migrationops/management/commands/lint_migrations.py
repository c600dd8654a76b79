from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from migrationops.management.base import OpsCommand
from migrationops.management.lint_reports import script_text
from migrationops.workflows.lint_migrations import ScriptRequest, lint_script


class Command(OpsCommand):
    help = "Say what migrations, or a script, would do to the database; run nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--sql", type=Path, help="A script, instead of migrations.")
        parser.add_argument("--schema", type=Path, help="What the script starts from.")
        parser.add_argument(
            "--no-transaction",
            action="store_true",
            help="Read the script's statements as each by itself.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = lint_script(
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
