"""What .env.<environment> says reaches every setting, the first ones too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from config.embedded.place import CHECKOUT
from tests.commands.test_protected_settings import COMPLETE

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "DEFAULT_FROM_EMAIL")
SERVER = ["mail.example.com", 587, True]
FILE = """
SECURE_SSL_REDIRECT=false
SECURE_HSTS_SECONDS=60
DEFAULT_FROM_EMAIL=home@example.com
"""


def settings_of(place: Path, environment: str, names: tuple[str, ...], **more: str):
    """Return settings as a process reads them in a copy of the configuration."""
    shutil.copytree(CHECKOUT / "config", place / "config")
    file = [f"{name}={value}" for name, value in {**COMPLETE, **more}.items()]
    (place / f".env.{environment}").write_text("\n".join([*file, FILE]))
    read = f"from config.settings import {environment} as s"
    shown = f"print(json.dumps([getattr(s, name, False) for name in {names!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", f"import json; {read}; {shown}"],
        cwd=place,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_the_file_is_read_before_the_settings(tmp_path: Path, environment: str) -> None:
    found = settings_of(tmp_path, environment, NAMES)
    assert found == [False, 60, "home@example.com"]


@pytest.mark.parametrize(
    ("file", "server"),
    [
        ({}, ["localhost", 25, False]),
        ({"EMAIL_URL": "smtp+tls://u:p@mail.example.com:587"}, SERVER),
    ],
)
def test_mail_goes_to_a_server(
    tmp_path: Path, file: dict[str, str], server: list[object]
) -> None:
    names = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_BACKEND")
    *found, backend = settings_of(tmp_path, "production", names, **file)
    assert found == server
    assert backend == "django.core.mail.backends.smtp.EmailBackend"
