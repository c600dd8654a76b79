from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from migrationops.backups.retention import Retention
from migrationops.conf import Proof
from migrationops.exceptions import DiffersError
from migrationops.management import arguments
from migrationops.management.backups_actions import ACTIONS
from migrationops.management.base import ErrorsToExitCodes, OpsCommand


class Command(OpsCommand):
    help = "List the backups, prove them again, fetch one, or delete those that may go."
    when_stopped = ErrorsToExitCodes.when_stopped  # each file is an end of its own

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add("action", choices=list(ACTIONS), help="What to do.")
        add("backup", nargs="?", help="verify, fetch: this one.")
        levels = [p.name.lower() for p in list(Proof)[1:4]]
        add("--proof", default="counted", choices=levels, help="verify: how far.")
        add("--stored", action="store_true", help="list: those in BACKUP_STORAGE.")
        add("--identity", type=Path, help="fetch: a file with an age secret key.")
        add("--apply", action="store_true", help="expire: delete; else only say.")
        for item in fields(Retention):
            keep = f"expire: how many to keep, {item.default} by default."
            add(
                f"--{item.name}", type=arguments.number, default=item.default, help=keep
            )

    def handle(self, *args: Any, **options: Any) -> None:
        answer = ACTIONS[options["action"]](options, self.progress(options))
        if options["json"]:
            self.print_json(answer.data)
        else:
            self.stdout.write(answer.text)
        if answer.problem:
            # The answer is printed already, and --json is one object.
            raise CommandError(
                f"{answer.problem}\nNext: manage.py backup takes a new one.",
                returncode=DiffersError.exit_code,
            )
