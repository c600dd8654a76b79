from __future__ import annotations

from typing import Any

from migrationops.management.backup_reports import schedules_text
from migrationops.management.base import OpsCommand
from migrationops.workflows.install_schedules import install_schedules


class Command(OpsCommand):
    help = "Have django-q2 verify and expire the backups every day."

    def handle(self, *args: Any, **options: Any) -> None:
        report = install_schedules(alias=options["database"])
        self.show(report.to_json(), schedules_text(report), options)
