"""The test suite: an embedded server of its own, tuned to be thrown away."""

from __future__ import annotations

from config import embedded
from config.settings.envfile import read_env_file

ENVIRONMENT = "test"
read_env_file(ENVIRONMENT)

from config.settings.base import *  # noqa: E402 (its settings read the file's variables)

DEBUG = False
SECRET_KEY = "django-insecure-test-only"  # noqa: S105
ALLOWED_HOSTS = ["*"]
DATABASES = {
    "default": database_from_url()
    if "DATABASE_URL" in env
    else embedded.database("test", major=env.int("PG", default=18))
}
# Transactional tests end with a flush, which the ledger refuses without this.
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c chores.truncate=on"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MIGRATIONOPS = {
    **MIGRATIONOPS,
    "ENVIRONMENT": ENVIRONMENT,
    "BACKUP_DIR": VAR_DIR / "test-backups",
    "STATE_DIR": VAR_DIR / "test-state",
    "PG_BIN": embedded.program_directories(),
}
