from __future__ import annotations

from django.apps import AppConfig


class MigrationOpsConfig(AppConfig):
    name = "migrationops"
    verbose_name = "Migration operations"
    default_auto_field = "django.db.models.BigAutoField"
