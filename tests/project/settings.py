"""Settings of the stranger's project; a test says the rest by environment."""

from __future__ import annotations

import json
import os
from typing import Any

import environ

SECRET_KEY = "django-insecure-test-only"
INSTALLED_APPS = [
    "migrationops",
    "tests.project.shop",
    "django.contrib.contenttypes",
    "django.contrib.auth",
]
DATABASES = {
    "default": environ.Env().db_url("DATABASE_URL"),
    "lite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
}
if "STANDBY_URL" in os.environ:
    DATABASES["standby"] = environ.Env().db_url("STANDBY_URL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
MIGRATION_MODULES = {
    "shop": "shop_migrations",
    "migrationops": os.environ.get("OPS_MIGRATIONS", "migrationops.migrations"),
}
_ops: dict[str, Any] | None = json.loads(os.environ.get("OPS", "{}"))
if _ops is not None:
    MIGRATIONOPS = {"ENVIRONMENT": "development", **_ops}
