"""A proof by restore says what it writes, and lets replicas catch up first."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrationops.backups import burden
from migrationops.backups.source import open_source
from migrationops.conf import Proof
from migrationops.exceptions import PreconditionError
from migrationops.postgres import activity
from migrationops.workflows.backup import Request, backup
from tests.fix_standby import wait_until
from tests.roles import needs_createdb

if TYPE_CHECKING:
    from migrationops.backups.source import Source
    from migrationops.progress import Progress
    from tests.fix_standby import Pair
    from tests.sandbox import Sandbox

DELAY = 3  # seconds that the standby is made to stay behind
LAG = 1.0


@needs_createdb
@pytest.mark.postgres_tools
@pytest.mark.parametrize(
    ("proof", "told"), [(Proof.RESTORED, True), (Proof.COUNTED, False)]
)
def test_what_the_proof_writes_is_said(
    stamped: Sandbox, proof: Proof, told: bool
) -> None:
    events: list[Progress] = []
    backup(Request(alias=stamped.alias, proof=proof), events.append)
    labels = [e.label for e in events]
    assert any("and as much WAL" in label for label in labels) is told


@pytest.fixture
def behind(pair: Pair, sandbox: Sandbox) -> Source:
    """Return the primary, which is written to, with a standby that stays behind."""
    pair.on_standby(f"ALTER SYSTEM SET recovery_min_apply_delay = '{DELAY}s'")
    pair.on_standby("SELECT pg_reload_conf()")
    source = open_source(sandbox.alias, sandbox.conf())
    return replace(source, params=pair.primary.params)


@pytest.mark.faults
def test_a_replica_that_is_behind_is_waited_for(pair: Pair, behind: Source) -> None:
    stop = threading.Event()
    writer = threading.Thread(target=writes, args=(pair, stop))
    writer.start()
    events: list[Progress] = []
    try:
        with behind.maintenance() as connection:
            wait_until(lambda: activity.load(connection).lag > LAG)
            with pytest.raises(PreconditionError, match=r"A replica is \d+ s behind"):
                burden.wait_for_replicas(
                    connection, behind, events.append, max_lag=LAG, patience=0
                )
            pair.on_standby("ALTER SYSTEM RESET recovery_min_apply_delay")
            pair.on_standby("SELECT pg_reload_conf()")
            burden.wait_for_replicas(connection, behind, events.append, max_lag=LAG)
            assert activity.load(connection).lag <= LAG
    finally:
        stop.set()
        writer.join()
    assert [e.label.split(" that")[0] for e in events] == ["waiting for a replica"]


def writes(pair: Pair, stop: threading.Event) -> None:
    with pair.primary.connect() as connection:
        connection.execute("CREATE TABLE noise (at timestamptz)")
        while not stop.is_set():
            connection.execute("INSERT INTO noise VALUES (now())")
            time.sleep(0.05)
