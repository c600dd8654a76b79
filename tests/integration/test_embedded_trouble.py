"""Crashes and left-overs that the next use repairs, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from config.embedded import processes
from config.embedded.cluster import State
from config.embedded.exceptions import EmbeddedServerError
from tests.server import OwnServer, kill, postmaster

pytestmark = pytest.mark.own_server


@pytest.fixture(scope="module")
def private():
    """A private server that every test of this module may ill-treat."""
    private = OwnServer.make()
    yield private
    private.remove()


@pytest.fixture
def own_server(private):
    private.start()
    return private


def test_the_next_use_repairs_a_killed_postmaster(idle_checkout):
    user = idle_checkout.spawn()
    cluster = idle_checkout.server().cluster()
    user.tell("ask('CREATE TABLE IF NOT EXISTS kept ()')")

    kill(cluster)

    assert user.tell("connection.close() or ask('SELECT count(*) FROM kept')") == "0"
    assert user.end() == 0
    assert cluster.state() is State.STOPPED


def test_a_backend_that_outlives_its_postmaster_is_ended(own_server):
    with closing(own_server.connect()) as connection:
        # A backend that computes does not see that its postmaster is gone.
        busy = connection.pgconn
        busy.send_query(b"SELECT count(*) FROM generate_series(1, 1e12::bigint)")
        own_server.kill()
        assert processes.alive(busy.backend_pid)

        own_server.start()

        assert not processes.alive(busy.backend_pid)
    with own_server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_pid_file_that_names_a_stranger_is_stale(own_server):
    own_server.stop()
    names_us = f"{os.getpid()}\n{own_server.data}\n0\n5432\n\n\n0 0\nready   \n"
    (own_server.data / "postmaster.pid").write_text(names_us)

    assert own_server.cluster.state() is State.STOPPED
    own_server.stop()
    own_server.start()

    assert own_server.pid != os.getpid()
    assert own_server.connect().close() is None


def test_a_zombie_does_not_live():
    pid = os.fork()
    if not pid:
        os._exit(0)
    while processes.alive(pid):
        time.sleep(0.01)
    os.kill(pid, 0)

    assert os.waitpid(pid, 0)[0] == pid
    assert not processes.alive(pid)
    assert processes.alive(os.getpid())


@pytest.mark.faults
def test_a_starter_killed_in_the_middle_leaves_nothing_half_made(checkout):
    server = checkout.server()
    for sign in ("data.partial", "data.partial/global/pg_control", "data"):
        starter = checkout.spawn(listen=False)
        while not (server.place.home / sign).exists():
            time.sleep(0.001)
        starter.kill(signal.SIGKILL)

    user = checkout.spawn()

    assert user.tell("ask('SELECT 7')") == "7"
    assert not (server.place.home / "data.partial").exists()
    user.end()


def test_a_half_made_cluster_is_never_taken_for_one(checkout):
    server = checkout.server()
    partial = server.place.home / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")

    server.ensure()
    server.leave()

    assert not partial.exists()
    assert (server.cluster().data / "global").exists()


@pytest.mark.faults
def test_it_says_why_it_does_not_start(own_server):
    own_server.stop()
    configuration = own_server.data / "postgresql.conf"
    before = configuration.read_text()
    configuration.write_text(f"{before}shared_buffers = 'a lot'\n")

    with pytest.raises(EmbeddedServerError) as raised:
        own_server.start()

    assert 'invalid value for parameter "shared_buffers": "a lot"' in str(raised.value)
    assert str(own_server.home / "log") in str(raised.value)
    assert own_server.cluster.state() is State.STOPPED
    configuration.write_text(before)


def test_a_checkout_that_cannot_be_written_is_named(checkout):
    (checkout.path / "var").touch()

    with pytest.raises(EmbeddedServerError, match="set DATABASE_URL") as raised:
        checkout.server().ensure()

    assert str(checkout.path / "var") in str(raised.value)


def test_the_environment_of_whoever_starts_it_does_not_matter(idle_checkout):
    user = idle_checkout.spawn(
        TZ="America/Chicago",
        LC_ALL="de_DE.UTF-8",
        PGTZ="Asia/Tokyo",
        PGDATA="/nowhere",
        PGPORT="1",
        PGHOST="nowhere",
    )

    where = "FROM pg_settings WHERE name = 'TimeZone'"
    assert user.tell(f'ask("SELECT reset_val {where}")')
    cluster = idle_checkout.server().cluster()
    assert " UTC [" in cluster.log.read_text()
    configured = (cluster.data / "postgresql.conf").read_text()
    assert "Chicago" not in configured
    environment = Path(f"/proc/{postmaster(cluster.data)}/environ")
    if environment.exists():
        names = {entry.split("=")[0] for entry in environment.read_text().split("\0")}
        assert names & {"TZ", "PGTZ", "PGHOST", "PGPORT"} == set()
    user.end()


def test_it_listens_on_its_socket_only(own_server):
    with own_server.connect() as connection:
        row = connection.execute("SELECT inet_server_addr()").fetchone()
        assert row == (None,)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    with pytest.raises(psycopg.OperationalError):
        own_server.connect(host="127.0.0.1", connect_timeout=2)
