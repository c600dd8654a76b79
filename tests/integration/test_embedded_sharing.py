"""Who starts a server, who shares it, who stops it."""

from __future__ import annotations

import os
import signal

import pytest

from config.embedded.cluster import State
from tests.server import postmaster

pytestmark = pytest.mark.own_server


def running(checkout, **options):
    server = checkout.server(**options)
    return server.made() and server.cluster().state() is State.READY


def test_the_first_starts_it_and_the_last_stops_it(idle_checkout):
    first = idle_checkout.spawn()
    second = idle_checkout.spawn()

    assert first.end() == 0
    assert running(idle_checkout)
    assert second.tell("ask('SELECT 7')") == "7"
    assert second.end() == 0
    assert not running(idle_checkout)


@pytest.mark.faults
def test_many_at_once_make_one_server(checkout):
    users = [checkout.spawn(listen=False) for _ in range(4)]

    assert [user.listen() for user in users] == ["chores"] * 4
    started = {user.tell("ask('SELECT pg_postmaster_start_time()')") for user in users}
    assert len(started) == 1
    assert [user.end() for user in users] == [0] * 4
    assert not running(checkout)


@pytest.mark.parametrize(
    "by", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.faults)]
)
def test_a_user_ended_by_a_signal_stops_nothing(idle_checkout, by):
    first = idle_checkout.spawn()

    assert first.kill(by) == -by
    assert running(idle_checkout)
    assert idle_checkout.spawn().end() == 0
    assert not running(idle_checkout)


def test_ctrl_c_in_a_terminal_does_not_reach_it(idle_checkout):
    starter = idle_checkout.spawn()
    other = idle_checkout.spawn()

    os.killpg(starter.process.pid, signal.SIGINT)
    starter.end()

    assert other.tell("ask('SELECT 7')") == "7"
    pid = postmaster(idle_checkout.server().cluster().data)
    assert os.getpgid(pid) != starter.process.pid
    assert os.getsid(pid) != os.getsid(0)


@pytest.mark.parametrize(
    "child_connects", [True, pytest.param(False, marks=pytest.mark.faults)]
)
def test_a_fork_is_a_user_when_it_connects_itself(idle_checkout, child_connects):
    parent = idle_checkout.spawn()

    child = int(parent.tell(f"fork(connects={child_connects})"))
    try:
        parent.leave()
        assert running(idle_checkout) == child_connects
    finally:
        os.kill(child, signal.SIGKILL)


def test_stop_ends_it_whoever_uses_it_and_the_next_use_starts_it(idle_checkout):
    user = idle_checkout.spawn()

    assert idle_checkout.embedded("stop") == (0, "stopped postgres-test-18\n", "")
    assert idle_checkout.embedded("stop") == (0, "", "")
    assert not running(idle_checkout)
    assert user.tell("connection.close() or ask('SELECT 7')") == "7"
    assert user.end() == 0


@pytest.mark.faults
def test_start_leaves_it_running_until_stop(idle_checkout):
    assert idle_checkout.embedded("start") == (0, "", "")
    assert running(idle_checkout, use="development")

    server = idle_checkout.server(use="development")
    server.ensure()
    server.leave()

    assert running(idle_checkout, use="development")
    assert idle_checkout.embedded("stop") == (0, "stopped postgres-18\n", "")
    server.ensure()
    server.leave()
    assert not running(idle_checkout, use="development")


@pytest.mark.faults
def test_hold_keeps_it_for_the_length_of_a_program(idle_checkout):
    lock = idle_checkout.server(use="development").place.inside / "users.lock"
    held = f"flock --nonblock --exclusive {lock} true || exit 7"

    assert idle_checkout.embedded("hold", "sh", "-c", held) == (7, "", "")
    assert not running(idle_checkout, use="development")


def test_hold_starts_nothing_when_another_server_is_named(checkout):
    elsewhere = {"DATABASE_URL": "postgres://elsewhere/chores"}

    assert checkout.embedded("hold", "true", **elsewhere) == (0, "", "")
    assert not checkout.server(use="development").made()


@pytest.mark.faults
def test_two_versions_run_side_by_side_and_sort_alike_everywhere(idle_checkout):
    new, old = idle_checkout.spawn(major=18), idle_checkout.spawn(major=16)
    database = "FROM pg_database WHERE datname = 'chores'"

    for user, version, locale in ((new, "18", "datlocale"), (old, "16", "datcollate")):
        told = user.tell(
            "ask(\"SELECT concat_ws(' ', split_part(version(), '.', 1), "
            f'datlocprovider, {locale}, pg_encoding_to_char(encoding)) {database}")'
        )
        want = {"18": "b C.UTF-8", "16": "c C"}[version]
        assert told == f"PostgreSQL {version} {want} UTF8"
    assert new.end() == old.end() == 0


@pytest.mark.faults
def test_remove_refuses_while_somebody_uses_it(idle_checkout):
    user = idle_checkout.spawn()

    code, _, message = idle_checkout.embedded("remove")

    assert code == 1
    assert "in use by a running process: nothing was removed" in message
    assert user.tell("ask('SELECT 7')") == "7"
    user.end()
    assert idle_checkout.embedded("remove") == (0, "", "")
    assert not idle_checkout.server().made()
