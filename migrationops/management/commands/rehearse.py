from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from migrationops.graph import Target
from migrationops.management.base import OpsCommand
from migrationops.management.rehearsal_options import add_options, script_request
from migrationops.management.rehearsal_reports import plan_text, script_text
from migrationops.workflows.rehearse import (
    PlanReport,
    ScriptReport,
    rehearse_plan,
    rehearse_script,
)


class Command(OpsCommand):
    help = "Run what is pending, or a script, on a shadow database; measure it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        report = self._report(options)
        if options["json"]:
            self.print_json(report.to_json())
        elif isinstance(report, ScriptReport):
            self.stdout.write(script_text(report))
        else:
            self.stdout.write(plan_text(report))
        if isinstance(report, PlanReport) and report.failed:
            raise CommandError("It fails; nothing was changed.", returncode=3)

    def _report(self, options: dict[str, Any]) -> PlanReport | ScriptReport:
        if options["sql"]:
            return rehearse_script(script_request(options))
        app, migration = options["app_label"], options["migration_name"]
        return rehearse_plan(
            options["database"],
            Target(app=app, migration=migration),
            with_data=options["with_data"],
            tell=self.progress(options),
        )
