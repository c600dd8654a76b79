"""How far a database has grown that pg_restore fills, which says nothing itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from migrationops.backups.source import Source
from migrationops.postgres.databases import Connection
from migrationops.progress import Progress, ProgressCallback, Stage, State, silent

_EVERY = 1.0  # seconds between two looks


@contextmanager
def told(
    source: Source, dbname: str, expected: int, report: ProgressCallback
) -> Iterator[None]:
    """Tell while the block runs how large it is, of so many bytes in the end."""
    if report is silent:
        yield
        return
    stop = threading.Event()
    with source.maintenance() as connection:

        def work() -> None:
            while not stop.wait(_EVERY):
                try:
                    report(_progress(_size(connection, dbname), expected))
                except psycopg.Error:  # whoever fills it will say what happened
                    return

        thread = threading.Thread(target=work, name="migrationops-growth")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _size(connection: Connection, dbname: str) -> int:
    row = connection.execute("SELECT pg_database_size(%s)", [dbname]).fetchone()
    return int(row[0]) if row else 0


def _progress(size: int, expected: int) -> Progress:
    return Progress(
        stage=Stage.RESTORE,
        state=State.ADVANCED,
        label="restore",
        done=size,
        total=max(size, expected),
        unit="bytes",
    )
