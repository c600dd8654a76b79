"""Settings of a measured process; the runner says the rest by environment."""

from __future__ import annotations

import importlib.util
import json
import os

import environ

SECRET_KEY = "django-insecure-benchmark-only"
INSTALLED_APPS = ["django.contrib.contenttypes", "migrationops"]
if importlib.util.find_spec("dbbackup"):
    INSTALLED_APPS.append("dbbackup")
DATABASES = {"default": environ.Env().db_url("DATABASE_URL")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
MIGRATIONOPS = {"ENVIRONMENT": "development", **json.loads(os.environ["OPS"])}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "dbbackup": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": MIGRATIONOPS.get("BACKUP_DIR", ".")},
    },
}
