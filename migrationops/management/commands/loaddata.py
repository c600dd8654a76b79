from __future__ import annotations

from typing import Any

from django.core.management.commands import loaddata

from migrationops.management.base import ErrorsToExitCodes
from migrationops.workflows.guard import require_unprotected


class Command(ErrorsToExitCodes, loaddata.Command):
    """Django's loaddata, refused in protected environments."""

    def handle(self, *fixture_labels: Any, **options: Any) -> None:
        require_unprotected(
            options["database"],
            command="loaddata",
            instead="manage.py seed --env staging, by its settings; production is "
            "never seeded",
        )
        super().handle(*fixture_labels, **options)
