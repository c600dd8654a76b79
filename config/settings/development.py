"""A developer's machine: an embedded server unless DATABASE_URL names another."""

from __future__ import annotations

from config import embedded
from config.settings.envfile import BASE_DIR, read_env_file

ENVIRONMENT = "development"
read_env_file(ENVIRONMENT)

from config.settings.base import *  # noqa: E402 (its settings read the file's variables)

DEBUG = True
# Known to everyone who reads this file; production refuses it.
SECRET_KEY = env("SECRET_KEY", default="django-insecure-development-only")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
DATABASES = {
    "default": database_from_url()
    if "DATABASE_URL" in env
    else embedded.database("development", major=env.int("PG", default=18))
}
MIGRATIONOPS = {
    **MIGRATIONOPS,
    "ENVIRONMENT": ENVIRONMENT,
    "BACKUP_DIR": BASE_DIR / "backups",
    "STATE_DIR": VAR_DIR / "migrationops",
    "PG_BIN": embedded.program_directories(),
}
