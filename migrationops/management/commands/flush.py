from __future__ import annotations

from typing import Any

from django.core.management.commands import flush

from migrationops.management.base import ErrorsToExitCodes
from migrationops.workflows.guard import require_unprotected


class Command(ErrorsToExitCodes, flush.Command):
    """Django's flush, refused in protected environments."""

    def handle(self, **options: Any) -> None:
        require_unprotected(
            options["database"],
            command="flush",
            instead="Nothing replaces it here: a protected database is not emptied.",
        )
        super().handle(**options)
