"""How far something has grown that a program is filling, which says nothing itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from migrationops.postgres.databases import Connection
from migrationops.progress import Progress, ProgressCallback

_EVERY = 1.0  # seconds between two looks


@contextmanager
def told(
    measure: Callable[[], int], event: Progress, report: ProgressCallback
) -> Iterator[None]:
    """Tell the bytes so far while the block runs; `event` has the total expected."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(_EVERY):
            try:
                size = measure()
            except (OSError, psycopg.Error):  # whoever fills it will say what happened
                return
            report(replace(event, done=size, total=max(size, event.total)))

    thread = threading.Thread(target=work, name="migrationops-growth")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def database_size(connection: Connection, dbname: str) -> int:
    row = connection.execute("SELECT pg_database_size(%s)", [dbname]).fetchone()
    return int(row[0]) if row else 0
