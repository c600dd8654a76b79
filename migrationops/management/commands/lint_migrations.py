from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from migrationops.exceptions import RefusedError
from migrationops.lint.report import LintReport
from migrationops.management import lint_options
from migrationops.management.base import OpsCommand
from migrationops.management.lint_reports import report_text, script_text
from migrationops.workflows import lint_migrations as workflow


class Command(OpsCommand):
    help = "Say what migrations, or a script, would do to the database; run nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        lint_options.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sql"]:
            script = workflow.lint_script(lint_options.script_request(options))
            self.show(script.to_json(), script_text(script), options)
            return
        report = workflow.lint_migrations(lint_options.request(options))
        text = report_text(report, options["format"], options["verbosity"])
        self.show(report.to_json(), text, options)
        if path := options["write_baseline"]:
            workflow.write_baseline(path, report)
        else:
            self._refuse(report)

    def _refuse(self, report: LintReport) -> None:
        # The report is printed already: --json is one object.
        try:
            workflow.require_harmless(report)
        except RefusedError as exc:
            message = f"{str(exc).splitlines()[0]}\nNext: {exc.remedy}"
            raise CommandError(message, returncode=exc.exit_code) from exc
