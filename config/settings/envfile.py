"""The file of an environment's variables, read before any setting looks at them."""

from __future__ import annotations

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parents[2]


def read_env_file(environment: str) -> None:
    """Read .env.<environment>; the process environment wins over the file."""
    path = BASE_DIR / f".env.{environment}"
    if path.exists():
        environ.Env.read_env(path, overwrite=False)
