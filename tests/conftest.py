"""What every tier shares: one run of a checkout at a time, and private servers."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from config.embedded import DEFAULT_MAJOR, locks
from config.embedded.place import CHECKOUT
from tests.sandbox import Sandbox, forget, new_sandbox, register
from tests.server import OwnServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest_django

LOCK = CHECKOUT / "var" / "test.lock"
_held: list[int] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Hold the checkout's lock: two runs would drop each other's databases."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    LOCK.parent.mkdir(mode=0o711, exist_ok=True)
    descriptor = locks.take(LOCK, wait=False)
    if descriptor is None:
        writer = session.config.get_terminal_writer()
        writer.line(f"waiting for another test run, which holds {LOCK}")
        writer.flush()
        descriptor = locks.take(LOCK)
    assert descriptor is not None
    _held.append(descriptor)


def pytest_unconfigure() -> None:
    """Let the next run begin."""
    while _held:
        os.close(_held.pop())


@pytest.fixture
def make_server() -> Iterator[Callable[..., OwnServer]]:
    """Return a function that makes private servers, removed after the test.

    It takes `settings` of postgresql.conf by name and `major`.
    """
    with ExitStack() as made:

        def make(**options: object) -> OwnServer:
            server = OwnServer.make(**options)
            made.callback(server.remove)
            return server

        yield make


@pytest.fixture
def own_server(make_server: Callable[..., OwnServer]) -> OwnServer:
    """Return a private server of the version under test, to do anything to."""
    return make_server(major=int(os.environ.get("PG", DEFAULT_MAJOR)))


@pytest.fixture
def sandbox(
    tmp_path: Path, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[Sandbox]:
    """Return a database of its own with an alias, gone after the test."""
    with django_db_blocker.unblock():
        made = new_sandbox(tmp_path / "backups")
        made.create()
        register(made)
        try:
            yield made
        finally:
            forget()
            made.drop()
