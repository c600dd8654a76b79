from __future__ import annotations

from django.apps import AppConfig


class MigrationOpsConfig(AppConfig):
    name = "migrationops"
    verbose_name = "Migration operations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from migrationops import checks  # noqa: F401  registers them
