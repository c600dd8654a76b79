from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from config.embedded import processes
from config.embedded.place import CHECKOUT
from tests.server import installed, postmaster, remove_left_overs

pytestmark = pytest.mark.own_server


def test_a_private_server_survives_kill_and_restart(own_server):
    with own_server.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    first = own_server.pid

    own_server.kill()
    with pytest.raises(psycopg.OperationalError):
        own_server.connect()
    own_server.start()

    with own_server.connect() as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    assert own_server.pid != first


@pytest.mark.faults
def test_a_private_server_takes_settings(make_server):
    server = make_server(settings={"wal_level": "logical"}, major=16)

    with server.connect() as connection:
        assert connection.execute("SHOW wal_level").fetchone() == ("logical",)
        assert connection.info.server_version // 10000 == server.major == 16


@pytest.mark.faults
def test_one_whose_owner_was_killed_is_removed(own_server):
    make = (
        "import sys, time; from tests.server import OwnServer; "
        "print(OwnServer.make().home, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", make], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as owner:
        home = Path(owner.stdout.readline().strip())
        pid = postmaster(home / "data")
        owner.kill()

    remove_left_overs()

    assert not home.exists()
    assert not processes.alive(pid)
    own_server.connect().close()


@pytest.mark.faults
def test_manage_py_uses_a_private_server(own_server):
    ask = "from django.db import connection as c; c.ensure_connection(); " + (
        "print(c.connection.info.host, c.vendor)"
    )
    bare = "import django; from django.conf import settings; django.setup(); "
    result = subprocess.run(
        [sys.executable, "-c", f"{bare}{ask}"],
        cwd=CHECKOUT,
        env=own_server.environ(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.split() == [own_server.params["host"], "postgresql"]


@pytest.mark.skipif(installed(15) is None, reason="needs postgresql-15")
@pytest.mark.faults
def test_a_private_server_of_debian_carries_contrib(make_server):
    server = make_server(major=15)

    with server.connect() as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        assert connection.execute("SELECT show_trgm(%s)", ["a"]).fetchone()
