"""The server, or one of our sessions on it, goes away in mid-run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.fix_tcp import ROLE
from tests.outcome import refused, unchanged, wait_for
from tests.server import OwnServer
from tests.shop import ADD_PRICE, FIRST, Shop

GATE = 4713
AT_THE_GATE = (
    "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' "
    f"AND objid = {GATE} AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
WAIT = f'migrations.RunSQL("SELECT pg_advisory_xact_lock({GATE})")'
SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name ~ %s
"""


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    opened_shop.add("0003_expand_gate", WAIT, after="0002_expand_price")
    return opened_shop


@pytest.mark.parametrize(
    "sessions",
    [
        pytest.param("^migrationops safe_migrate", marks=pytest.mark.faults),
        pytest.param("^migrationops (safe|watchdog)", marks=pytest.mark.faults),
        "^migrationops",
    ],
)
def test_sessions_that_an_administrator_ended(ready: Shop, sessions: str) -> None:
    with ready.connect() as gatekeeper:
        gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
        process = ready.start("safe_migrate")
        wait_for(ready, AT_THE_GATE)
        assert ready.query(SESSIONS, sessions)
    done = ready.finish(process)

    assert done.returncode in (1, 6), done.stderr
    refused(done, done.returncode, next_="")
    assert ready.applied()[:2] == ["0001_expand_item", "0002_expand_price"]
    ready.succeed("safe_migrate")
    assert ready.applied()[-1] == "0003_expand_gate"
    assert ready.query(
        "SELECT count(*) FROM migrationops_run WHERE state = 'open'"
    ) == [(0,)]


@pytest.mark.own_server
@pytest.mark.parametrize(
    ("signum", "texts"),
    [
        # its children answer for a moment, and truly
        pytest.param(signal.SIGKILL, [], marks=pytest.mark.faults),
        (signal.SIGQUIT, ["the server cannot be asked what became of it"]),
    ],
)
def test_a_server_that_is_killed(
    own_server: OwnServer, tmp_path: Path, signum: signal.Signals, texts: list[str]
) -> None:
    shop = Shop(directory=tmp_path, url=own_server.url, params=own_server.params)
    shop.ops["POLICY"] = {"backup": "none"}
    shop.write("0001_expand_item", FIRST)
    shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    shop.add("0003_expand_gate", WAIT, after="0002_expand_price")
    gatekeeper = shop.connect()
    gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
    process = shop.start("safe_migrate")
    wait_for(shop, AT_THE_GATE)
    os.kill(own_server.pid, signum)
    done = shop.finish(process)
    gatekeeper.close()

    refused(done, 6, "Not applied: shop.0003_expand_gate", *texts)
    own_server.start()
    shop.succeed("safe_migrate")
    assert shop.applied()[-1] == "0003_expand_gate"


def test_a_database_that_takes_no_writes(ready: Shop) -> None:
    name = ready.params["dbname"]
    ready.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with unchanged(ready):
        done = ready.run("safe_migrate")

    refused(done, 3, "takes no writes", "othing was changed")


@pytest.mark.own_server
def test_a_role_that_may_not_create(tcp_shop: Shop, tcp_server: OwnServer) -> None:
    tcp_shop.ops["POLICY"] = {"backup": "none"}
    name = str(tcp_shop.params["dbname"])
    with tcp_server.connect(dbname=name) as admin:
        admin.execute(f"ALTER DATABASE {name} OWNER TO postgres".encode())
        admin.execute(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {ROLE}".encode())

    done = tcp_shop.run("safe_migrate")

    refused(done, 3, "permission denied", "othing was changed")
