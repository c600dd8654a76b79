"""The options of rehearse, and the script that they ask for."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from migrationops.workflows.rehearse import ScriptRequest


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("app_label", nargs="?", help="Only this app.")
    parser.add_argument("migration_name", nargs="?", help="Only up to this.")
    rows = "Rehearse on a copy of the live rows, too: measure, not estimate."
    parser.add_argument("--with-data", action="store_true", help=rows)
    parser.add_argument("--sql", type=Path, help="A script, instead of the plan.")
    parser.add_argument("--schema", type=Path, help="What the script starts from.")
    alone = "Run the script's statements each by itself."
    parser.add_argument("--no-transaction", action="store_true", help=alone)


def script_request(options: dict[str, Any]) -> ScriptRequest:
    """Return which script to run from which schema; raise CommandError."""
    if options["schema"] is None:
        raise CommandError("--sql needs --schema.", returncode=2)
    if options["with_data"]:
        message = "--with-data copies live rows; a script has those of --schema."
        raise CommandError(message, returncode=2)
    return ScriptRequest(
        alias=options["database"],
        sql=options["sql"],
        schema=options["schema"],
        in_transaction=not options["no_transaction"],
    )
