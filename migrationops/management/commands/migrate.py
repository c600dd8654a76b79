from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from migrationops.management.base import ErrorsToExitCodes
from migrationops.workflows.guard import before_migrate


class Command(ErrorsToExitCodes, migrate.Command):
    """Django's migrate, refused where safe_migrate must be used."""

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["plan"] or options["check_unapplied"]):
            before_migrate(options["database"])
        super().handle(*args, **options)
