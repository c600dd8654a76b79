"""Production: DATABASE_URL, SECRET_KEY and the rest come from the environment."""

from __future__ import annotations

from config.settings.envfile import read_env_file

ENVIRONMENT = "production"
read_env_file(ENVIRONMENT)

from config.settings.hardened import *  # noqa: E402 (its settings read the file's variables)

refuse_debug()
require_variables()

SECRET_KEY = secret_key()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
DATABASES = {"default": database_from_url(CONN_MAX_AGE=60)}
MIGRATIONOPS = operations(ENVIRONMENT)
