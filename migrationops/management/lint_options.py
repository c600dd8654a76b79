"""The options of lint_migrations, and the requests that they make."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from migrationops.graph import Target
from migrationops.management.lint_reports import FORMATS
from migrationops.workflows.lint_migrations import Request, ScriptRequest


def add_to(parser: ArgumentParser) -> None:
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


def script_request(options: dict[str, Any]) -> ScriptRequest:
    return ScriptRequest(
        alias=options["database"],
        sql=options["sql"],
        schema=options["schema"],
        in_transaction=not options["no_transaction"],
    )


def request(options: dict[str, Any]) -> Request:
    return Request(
        alias=options["database"],
        target=Target(app=options["app"], migration=options["migration"]),
        pending=options["pending"],
        since=options["since"],
        database=not options["no_database"],
        baseline=options["baseline"],
    )
