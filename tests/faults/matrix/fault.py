"""What can happen to a run that stands at the gate, and how it is cleared away."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tests.faults.matrix.deploy import AT_THE_GATE, GATE, GATE_TRIGGER
from tests.faults.matrix.ground import Ground, fill
from tests.shop import Shop

SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name ~ '^migrationops' AND datname IN (current_database(), 'postgres')
"""
HELD = 5.0  # seconds for which another holds its lock, unless the run ends before


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A run on its own database, standing at the gate."""

    ground: Ground
    shop: Shop
    process: subprocess.Popen[str]
    gatekeeper: psycopg.Connection[tuple[object, ...]]

    def open_gate(self) -> None:
        self.gatekeeper.execute("SELECT pg_advisory_unlock_all()")

    def wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)


Done = subprocess.CompletedProcess[str]


def kill_client(cell: Cell) -> Done:
    """SIGKILL; the server then learns of it, as it would from its socket."""
    cell.process.kill()
    done = cell.shop.finish(cell.process)
    cell.shop.query(SESSIONS)
    cell.open_gate()
    return done


def terminate_backends(cell: Cell) -> Done:
    """End every session of the run, as an administrator does."""
    cell.shop.query(SESSIONS)
    done = cell.shop.finish(cell.process)
    cell.open_gate()
    return done


def kill_server(cell: Cell) -> Done:
    """SIGKILL the postmaster, let the run end, and start the server again."""
    cell.gatekeeper.close()
    cell.ground.server.kill()
    done = cell.shop.finish(cell.process)
    cell.ground.server.start()
    return done


def stop_client(cell: Cell) -> Done:
    """SIGTERM, as an orchestrator does."""
    cell.process.send_signal(signal.SIGTERM)
    done = cell.shop.finish(cell.process)
    cell.open_gate()
    return done


def fill_disk(cell: Cell) -> Done:
    """Leave no byte for the database, let the run go on to its end, make room."""
    ballast = fill(cell.ground.disk)
    cell.open_gate()
    done = cell.shop.finish(cell.process)
    ballast.unlink()
    return done


def hold_lock(cell: Cell) -> Done:
    """Have another session use the table exclusively, for as long as the run lives."""
    with cell.shop.connect(autocommit=False) as other:
        with contextlib.suppress(psycopg.errors.LockNotAvailable):  # the run has it
            other.execute("LOCK TABLE shop_item IN ACCESS EXCLUSIVE MODE NOWAIT")
        cell.open_gate()
        cell.wait(HELD)
        other.rollback()
    return cell.shop.finish(cell.process)


FAULTS: dict[str, Callable[[Cell], Done]] = {
    "kill -9 of the client": kill_client,
    "its sessions terminated": terminate_backends,
    "kill -9 of the server": kill_server,
    "SIGTERM": stop_client,
    "disk full": fill_disk,
    "lock held by another": hold_lock,
}


@contextmanager
def at_the_gate(ground: Ground, shop: Shop, number: int, state: str) -> Iterator[Cell]:
    """Start a deploy and let it come to the row of this step, not yet committed."""
    shop.execute(GATE_TRIGGER.format(number=number, state=state))
    gatekeeper = shop.connect()
    gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
    process = shop.start("safe_migrate")
    try:
        _wait_for_gate(shop, process)
        yield Cell(ground=ground, shop=shop, process=process, gatekeeper=gatekeeper)
    finally:
        gatekeeper.close()
        shop.end()


def _wait_for_gate(shop: Shop, process: subprocess.Popen[str]) -> None:
    with shop.connect() as connection:
        deadline = time.monotonic() + 60
        while connection.execute(AT_THE_GATE.encode()).fetchone() == (False,):
            assert time.monotonic() < deadline, "the run did not come to the gate"
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
