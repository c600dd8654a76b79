"""One test run of a checkout at a time: two would drop each other's databases."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from config.embedded import locks
from config.embedded.place import TEST_LOCK, make_directory

if TYPE_CHECKING:
    import pytest

_held: list[int] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Hold the checkout's lock in the controller; its workers need none."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    make_directory(TEST_LOCK.parent)
    descriptor = locks.take(TEST_LOCK, wait=False)
    if descriptor is None:
        writer = session.config.get_terminal_writer()
        writer.line(f"waiting for another test run, which holds {TEST_LOCK}")
        writer.flush()
        descriptor = locks.take(TEST_LOCK)
    assert descriptor is not None
    _held.append(descriptor)


def pytest_unconfigure() -> None:
    """Let the next run begin."""
    while _held:
        os.close(_held.pop())
