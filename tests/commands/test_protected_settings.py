"""Staging and production refuse to start on anything that was left to chance."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from config.embedded.place import CHECKOUT

COMPLETE = {
    "DATABASE_URL": "postgres://u:topsecret@127.0.0.1:1/nowhere",
    "SECRET_KEY": "0123456789" * 5,
    "ALLOWED_HOSTS": "chores.example.com",
    "BACKUP_DIR": "/nonexistent/backups",
    "SIGNING_KEYS": "0" * 64,
}


def manage(
    *arguments: str, environment: str = "production", **changed: str
) -> subprocess.CompletedProcess[str]:
    variables = {**COMPLETE, **changed}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": f"config.settings.{environment}",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_complete_settings_start() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL: not set"),
        ({"SIGNING_KEYS": "", "BACKUP_DIR": ""}, "BACKUP_DIR, SIGNING_KEYS: not set"),
        ({"DEBUG": "1"}, "DEBUG is set"),
        ({"SECRET_KEY": "change-me"}, "SECRET_KEY is a default"),
        ({"SECRET_KEY": "django-insecure-" + "k" * 50}, "SECRET_KEY is a default"),
    ],
)
def test_it_refuses_to_start(changed: dict[str, str], text: str) -> None:
    done = manage("safe_migrate", **changed)

    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert "topsecret" not in done.stdout + done.stderr


def test_staging_refuses_alike() -> None:
    done = manage("safe_migrate", environment="staging", DATABASE_URL="")

    assert done.returncode == 1
    assert "config.settings.staging: DATABASE_URL: not set" in done.stderr


def test_an_unreachable_database_is_not_a_traceback() -> None:
    done = manage("safe_migrate")

    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert "topsecret" not in done.stdout + done.stderr
