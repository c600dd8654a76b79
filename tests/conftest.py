"""What every tier shares."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from config.embedded import DEFAULT_MAJOR
from tests.sandbox import Sandbox, made_sandbox
from tests.server import OwnServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest_django

pytest_plugins = [
    "tests.fix_faults",
    "tests.fix_run_lock",
    "tests.fix_left_overs",
    "tests.fix_roles",
    "tests.fix_shop",
    "tests.fix_tcp",
    "tests.fix_pooler",
    "tests.fix_archiving",
    "tests.fix_standby",
]


@pytest.fixture
def make_server() -> Iterator[Callable[..., OwnServer]]:
    """Return a function that makes private servers, removed after the test.

    It takes `settings` of postgresql.conf by name and `major`.
    """
    with ExitStack() as made:

        def make(**options: Any) -> OwnServer:
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
    with django_db_blocker.unblock(), made_sandbox(tmp_path / "backups") as made:
        yield made
