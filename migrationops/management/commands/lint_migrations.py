from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from migrationops.graph import Target
from migrationops.management.base import OpsCommand
from migrationops.management.lint_reports import FORMATS, report_text, script_text
from migrationops.workflows import lint_migrations as workflow


class Command(OpsCommand):
    help = "Say what migrations, or a script, would do to the database; run nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add("app", nargs="?", help="Only this app.")
        add("migration", nargs="?", help="Only this migration of it.")
        add("--pending", action="store_true", help="What is pending, on live facts.")
        add("--since", default="", metavar="REV", help="What git says has changed.")
        add("--no-database", action="store_true", help="Ask no database for facts.")
        add("--format", choices=FORMATS, default="human", help="How to print.")
        add("--baseline", type=Path, help="Findings in this file are old ones.")
        add("--write-baseline", type=Path, help="Write that file.")
        add("--sql", type=Path, help="A script, instead of migrations.")
        add("--schema", type=Path, help="What the script starts from.")
        add("--no-transaction", action="store_true", help="Each statement by itself.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sql"]:
            script = workflow.lint_script(_script(options))
            self.show(script.to_json(), script_text(script), options)
            return
        report = workflow.lint_migrations(_request(options))
        if path := options["write_baseline"]:
            workflow.write_baseline(path, report)
        text = report_text(report, options["format"], options["verbosity"])
        self.show(report.to_json(), text, options)
        workflow.refuse_dangerous(report)


def _script(options: dict[str, Any]) -> workflow.ScriptRequest:
    return workflow.ScriptRequest(
        alias=options["database"],
        sql=options["sql"],
        schema=options["schema"],
        in_transaction=not options["no_transaction"],
    )


def _request(options: dict[str, Any]) -> workflow.Request:
    return workflow.Request(
        alias=options["database"],
        target=Target(app=options["app"], migration=options["migration"]),
        pending=options["pending"],
        since=options["since"],
        database=not options["no_database"],
        baseline=options["baseline"],
    )
