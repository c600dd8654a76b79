"""Writers at a steady rate and a reader with long transactions."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

THREADS = 4
READ_SECONDS, REST_SECONDS = 2.0, 1.0


@dataclass(slots=True)
class Traffic:
    """What the writers met: seconds from when a write was due until it was done."""

    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def worst(self) -> float:
        return max(self.latencies, default=0.0)

    @property
    def p99(self) -> float:
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * 0.99)] if ordered else 0.0


@contextmanager
def traffic(params: dict[str, Any], *, rate: int, rows: int) -> Iterator[Traffic]:
    """Write and read until the block ends."""
    seen, stop = Traffic(), threading.Event()
    pace = THREADS / rate
    workers = [
        threading.Thread(target=_write, args=[params, seen, stop, pace, rows])
        for _ in range(THREADS)
    ]
    workers.append(threading.Thread(target=_read, args=[params, stop]))
    for worker in workers:
        worker.start()
    try:
        yield seen
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def _write(
    params: dict[str, Any],
    seen: Traffic,
    stop: threading.Event,
    pace: float,
    rows: int,
) -> None:
    with psycopg.connect(**params, autocommit=True) as connection:
        due = time.monotonic()
        while not stop.is_set():
            due += pace
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                _transaction(connection, rows)
            except psycopg.Error as exc:
                seen.failures.append(str(exc).splitlines()[0])
            seen.latencies.append(time.monotonic() - due)


def _transaction(connection: psycopg.Connection[Any], rows: int) -> None:
    """Change one order and add one, as the release that runs now does."""
    with connection.transaction():
        connection.execute(
            "UPDATE shop_order SET amount = amount + 1 WHERE id = %s",
            [random.randrange(1, rows)],
        )
        connection.execute(
            "INSERT INTO shop_order (customer_id, note, amount, ref) "
            "VALUES (1, 'new', 1, %s)",
            [random.getrandbits(62) + rows],
        )


def _read(params: dict[str, Any], stop: threading.Event) -> None:
    with psycopg.connect(**params, autocommit=True) as connection:
        while not stop.is_set():
            with connection.transaction():
                connection.execute("SELECT id FROM shop_order LIMIT 1")
                stop.wait(READ_SECONDS)
            stop.wait(REST_SECONDS)
