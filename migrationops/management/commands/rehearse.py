from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from migrationops.graph import Target
from migrationops.management.base import OpsCommand
from migrationops.management.rehearsal_reports import plan_text, script_text
from migrationops.workflows.rehearse import (
    PlanReport,
    ScriptReport,
    ScriptRequest,
    rehearse_plan,
    rehearse_script,
)


class Command(OpsCommand):
    help = "Run what is pending, or a script, on a shadow database; measure it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("app_label", nargs="?", help="Only this app.")
        parser.add_argument("migration_name", nargs="?", help="Only up to this.")
        parser.add_argument("--sql", type=Path, help="A script, instead of the plan.")
        parser.add_argument("--schema", type=Path, help="What the script starts from.")
        parser.add_argument(
            "--no-transaction", action="store_true", help="Each statement by itself."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = self._script(options) if options["sql"] else self._plan(options)
        if options["json"]:
            self.print_json(report.to_json())
        elif isinstance(report, ScriptReport):
            self.stdout.write(script_text(report))
        else:
            self.stdout.write(plan_text(report))
        if isinstance(report, PlanReport) and report.failed:
            raise CommandError("The plan fails; nothing was changed.", returncode=3)

    def _plan(self, options: dict[str, Any]) -> PlanReport:
        target = Target(app=options["app_label"], migration=options["migration_name"])
        return rehearse_plan(options["database"], target)

    def _script(self, options: dict[str, Any]) -> ScriptReport:
        if options["schema"] is None:
            raise CommandError("--sql needs --schema.", returncode=2)
        return rehearse_script(
            ScriptRequest(
                alias=options["database"],
                sql=options["sql"],
                schema=options["schema"],
                in_transaction=not options["no_transaction"],
            )
        )
