"""SIGKILL at any instant of a restore point and its proof, on real processes.

After each, the list of backups tells the truth; then the next one ends well, and
nothing of a restored copy is left, neither files nor a server.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from config.embedded import processes
from tests.fix_archiving import Archiving, needs_pgbackrest
from tests.server import postmaster

pytestmark = [
    pytest.mark.own_server,
    pytest.mark.postgres_tools,
    pytest.mark.faults,
    needs_pgbackrest,
]
INSTANTS = 8
TAKE = ("backup", "--engine", "pgbackrest", "--proof", "restored")
NEW_BASE = {"max_backup_age": 0}


def test_kills_leave_no_backup_that_is_none(archiving: Archiving) -> None:
    dice = random.Random("pgbackrest")
    started = time.monotonic()
    archiving.succeed(*TAKE, POLICY=NEW_BASE)
    length = time.monotonic() - started
    killed = [killed_after(archiving, dice.uniform(0, length)) for _ in range(INSTANTS)]
    assert any(killed)

    unlocked(archiving)
    archiving.succeed(*TAKE, POLICY=NEW_BASE)
    assert not list(archiving.scratch.iterdir())
    assert not list((archiving.shop.directory / "backups").glob("*.partial"))
    archiving.succeed("backups", "verify", "--proof", "decoded")


def test_a_copy_that_a_killed_proof_left_running_is_ended(archiving: Archiving) -> None:
    child = archiving.shop.start(*TAKE, PGBACKREST=archiving.stanza)
    data = archiving.scratch / "migrationops-scratch" / "data"
    deadline = time.monotonic() + 60
    while not _is_ready(data / "postmaster.pid"):
        assert time.monotonic() < deadline
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    left = postmaster(data)
    child.kill()
    child.communicate()

    archiving.succeed(*TAKE)
    assert not processes.alive(left)
    assert not list(archiving.scratch.iterdir())


def killed_after(archiving: Archiving, delay: float) -> bool:
    """Kill one so long after its start; tell whether it had not ended yet."""
    unlocked(archiving)
    before = {manifest["id"] for manifest in archiving.listed()["backups"]}
    child = archiving.shop.start(*TAKE, PGBACKREST=archiving.stanza, POLICY=NEW_BASE)
    time.sleep(delay)
    ended = child.poll() is not None
    child.kill()
    child.communicate()
    listed = archiving.listed()
    new = [m for m in listed["backups"] if m["id"] not in before]
    assert len(new) <= 1
    assert all(m["proof"]["level"] == "restored" for m in new)
    assert all(unusable["gone"] for unusable in listed["unusable"])
    return not ended and not new


def unlocked(archiving: Archiving) -> None:
    """Wait for what a killed run had told pgBackRest to do."""
    deadline = time.monotonic() + 60
    while '"backup":{"held":true}' in archiving.pgbackrest("info", "--output=json"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _is_ready(pid_file: Path) -> bool:
    return pid_file.exists() and "ready" in pid_file.read_text()
