"""Settings of the benchmark's project; the contestant comes by environment."""

from __future__ import annotations

import os

import environ

SECRET_KEY = "benchmark"
INSTALLED_APPS = ["migrationops", "benchmarks.outage.project"]
DATABASES = {"default": environ.Env().db_url("DATABASE_URL")}
DATABASES["default"]["ENGINE"] = os.environ["BENCH_ENGINE"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"shop": "bench_migrations"}
LOCK_TIMEOUT = float(os.environ["BENCH_LOCK_TIMEOUT"])
ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = f"{int(LOCK_TIMEOUT * 1000)}ms"
ZERO_DOWNTIME_MIGRATIONS_STATEMENT_TIMEOUT = "2s"
ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT = True
MIGRATIONOPS = {
    "ENVIRONMENT": "development",
    "STATE_DIR": os.environ["BENCH_DIRECTORY"],
    "POLICY": {"backup": "none", "lint": "off", "lock_timeout": LOCK_TIMEOUT},
}
