"""What staging and production share: every secret is required, nothing is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *

REQUIRED = ("DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "BACKUP_DIR", "SIGNING_KEYS")

DEBUG = False
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# EMAIL_BACKEND, EMAIL_HOST and the like. What is printed would count as sent.
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))


def require_variables() -> None:
    """Refuse to start while a variable is absent or empty; name all of them."""
    if absent := [name for name in REQUIRED if not env.str(name, default="")]:
        raise ImproperlyConfigured(
            f"{', '.join(absent)}: not set. Nothing was changed. Set them in the "
            "process environment or in .env.<environment>; .env.example has them all."
        )


def secret_key() -> str:
    """Return SECRET_KEY; refuse one that is short or known."""
    key: str = env("SECRET_KEY")
    if len(key) < 50 or "insecure" in key or key == "change-me":
        raise ImproperlyConfigured(
            "SECRET_KEY is a default or shorter than 50 characters. Make one with: "
            "python -c 'from django.core.management.utils import "
            "get_random_secret_key as k; print(k())'"
        )
    return key


def refuse_debug() -> None:
    """Refuse to start when the process environment asks for DEBUG."""
    if env.bool("DEBUG", default=False):
        raise ImproperlyConfigured("DEBUG is set; it must never be on here. Unset it.")


def operations(environment: str) -> dict[str, Any]:
    """Return MIGRATIONOPS for a protected environment, from required variables."""
    return {
        **MIGRATIONOPS,
        "ENVIRONMENT": environment,
        "BACKUP_DIR": Path(env("BACKUP_DIR")),
        "BACKUP_DIR_OUTLIVES_HOST": env.bool("BACKUP_DIR_OUTLIVES_HOST", default=False),
        "STATE_DIR": Path(env("STATE_DIR", default=str(VAR_DIR / "migrationops"))),
        "SIGNING_KEYS": env.list("SIGNING_KEYS"),
        "RECIPIENTS": env.list("BACKUP_RECIPIENTS", default=[]),
        "RELEASE": env("RELEASE", default=""),
    }
