"""Servers of test runs that were killed are removed when the next one begins."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tests.server import remove_left_overs

if TYPE_CHECKING:
    import pytest


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look once, in the controller; another checkout's run may look as well."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    with suppress(FileNotFoundError):
        remove_left_overs()
