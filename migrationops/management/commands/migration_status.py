from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from migrationops.exceptions import DiffersError
from migrationops.management.base import OpsCommand
from migrationops.management.reports import status_text
from migrationops.workflows.migration_status import migration_status


class Command(OpsCommand):
    help = "Show what is applied, pending, missing or unfinished; change nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--check", action="store_true", help="Exit 4 unless everything is applied."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        status = migration_status(options["database"])
        self.show({"version": 1, **asdict(status)}, status_text(status), options)
        if options["check"] and not status.is_clean:
            # The report is printed already, and --json is one object.
            raise CommandError(
                "The database is not where this release wants it.\n"
                "Next: manage.py safe_migrate",
                returncode=DiffersError.exit_code,
            )
