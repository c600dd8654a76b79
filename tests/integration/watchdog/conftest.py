"""A table, and sessions that block one another over it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from migrationops.postgres import databases
from tests.integration.operations.database import own_database, used_by_django

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.plugin import DjangoDbBlocker

    from migrationops.postgres.databases import Connection

__all__ = ["own_database"]

TABLE = "public.watched"


class Sessions:
    """Opens connections, runs statements in threads, and ends all of them."""

    def __init__(self) -> None:
        self._connections: list[Connection] = []
        self._threads: list[threading.Thread] = []

    def open(self, application: str = "test") -> Connection:
        connection = databases.connect("default", application=application)
        self._connections.append(connection)
        return connection

    def run(self, connection: Connection, query: str) -> threading.Thread:
        """Run a statement that will wait; its failure at the end is no matter."""

        def execute() -> None:
            with suppress(psycopg.Error):
                connection.execute(query)

        thread = threading.Thread(target=execute)
        thread.start()
        self._threads.append(thread)
        return thread

    def close(self) -> None:
        with databases.connect("default") as connection:
            for other in self._connections:
                connection.execute(
                    "SELECT pg_terminate_backend(%s)", [other.info.backend_pid]
                )
        for thread in self._threads:
            thread.join()
        for other in self._connections:
            other.close()


@pytest.fixture
def sessions(
    own_database: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[Sessions]:
    with django_db_blocker.unblock(), used_by_django(own_database):
        made = Sessions()
        with databases.connect("default") as connection:
            connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
            connection.execute(f"CREATE TABLE {TABLE} (a int)")
        yield made
        made.close()


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until it holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
