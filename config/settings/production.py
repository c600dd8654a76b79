"""Production: DATABASE_URL, SECRET_KEY and the rest come from the environment."""

from __future__ import annotations

from config.settings.hardened import *

ENVIRONMENT = "production"
read_env_file(ENVIRONMENT)
refuse_debug()
require_variables()

SECRET_KEY = secret_key()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
DATABASES = {"default": database_from_url(CONN_MAX_AGE=60)}
MIGRATIONOPS = operations(ENVIRONMENT)
