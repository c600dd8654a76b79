"""The project's own PostgreSQL for development and test.

It needs no installation beyond the development requirements, starts with the
first connection and stops with its last user. Nothing starts here: settings call
these functions, and they only compute paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.embedded import programs
from config.embedded.cluster import DATABASE, USER
from config.embedded.place import PORT, Place

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_MAJOR = 18


def database(use: str, *, major: int = DEFAULT_MAJOR) -> dict[str, Any]:
    """Return the DATABASES entry of this checkout's server for a use."""
    return {
        "ENGINE": "config.embedded_backend",
        "NAME": DATABASE,
        "USER": USER,
        "HOST": str(Place.of(use, major=major).socket),
        "PORT": PORT,
        "CONN_HEALTH_CHECKS": True,
        "EMBEDDED": {"use": use, "major": major},
    }


def program_directories() -> list[Path]:
    """Return the bin directories of the wheel's PostgreSQL, the newest first."""
    return list(programs.directories().values())
