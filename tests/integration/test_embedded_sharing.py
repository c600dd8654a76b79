"""Who starts a server, who shares it, who stops it."""

from __future__ import annotations

import os
import signal

import pytest

from config.embedded.cluster import State
from tests.checkout import Checkout

pytestmark = pytest.mark.own_server


@pytest.fixture(scope="module")
def made():
    """A checkout whose test server was made before."""
    made = Checkout.make()
    made.spawn().end()
    yield made
    made.remove()


@pytest.fixture
def checkout(made):
    """The same, with nobody using it and no server running."""
    yield made
    made.end_users()
    made.embedded("stop")


def running(checkout, **options):
    server = checkout.server(**options)
    return server.made() and server.cluster().state() is State.READY


def test_the_first_starts_it_and_the_last_stops_it(checkout):
    first = checkout.spawn()
    second = checkout.spawn()

    assert first.end() == 0
    assert running(checkout)
    assert second.tell("ask('SELECT 7')") == "7"
    assert second.end() == 0
    assert not running(checkout)


def test_many_at_once_make_one_server(checkout):
    users = [checkout.spawn(listen=False) for _ in range(4)]

    assert [user.listen() for user in users] == ["chores"] * 4
    started = {user.tell("ask('SELECT pg_postmaster_start_time()')") for user in users}
    assert len(started) == 1
    assert [user.end() for user in users] == [0] * 4
    assert not running(checkout)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_a_user_ended_by_a_signal_stops_nothing(checkout, by):
    first = checkout.spawn()

    assert first.kill(by) == -by
    assert running(checkout)
    assert checkout.spawn().end() == 0
    assert not running(checkout)


def test_ctrl_c_in_a_terminal_does_not_reach_it(checkout):
    starter = checkout.spawn()
    other = checkout.spawn()

    os.killpg(starter.process.pid, signal.SIGINT)
    starter.end()

    assert other.tell("ask('SELECT 7')") == "7"
    postmaster = int(
        (checkout.server().cluster().data / "postmaster.pid").read_text().split()[0]
    )
    assert os.getpgid(postmaster) != starter.process.pid
    assert os.getsid(postmaster) != os.getsid(0)


@pytest.mark.parametrize("child_connects", [True, False])
def test_a_fork_is_a_user_when_it_connects_itself(checkout, child_connects):
    parent = checkout.spawn()

    child = int(parent.tell(f"fork(connects={child_connects})"))
    try:
        parent.leave()
        assert running(checkout) == child_connects
    finally:
        os.kill(child, signal.SIGKILL)


def test_stop_ends_it_whoever_uses_it_and_the_next_use_starts_it(checkout):
    user = checkout.spawn()

    assert checkout.embedded("stop") == (0, "stopped postgres-test-18\n", "")
    assert checkout.embedded("stop") == (0, "", "")
    assert not running(checkout)
    assert user.tell("connection.close() or ask('SELECT 7')") == "7"
    assert user.end() == 0


def test_start_leaves_it_running_until_stop(checkout):
    assert checkout.embedded("start") == (0, "", "")
    assert running(checkout, use="development")

    server = checkout.server(use="development")
    server.ensure()
    server.leave()

    assert running(checkout, use="development")
    assert checkout.embedded("stop") == (0, "stopped postgres-18\n", "")
    server.ensure()
    server.leave()
    assert not running(checkout, use="development")


def test_hold_keeps_it_for_the_length_of_a_program(checkout):
    lock = checkout.server(use="development").place.inside / "users.lock"
    held = f"flock --nonblock --exclusive {lock} true || exit 7"

    assert checkout.embedded("hold", "sh", "-c", held) == (7, "", "")
    assert not running(checkout, use="development")


def test_two_versions_run_side_by_side(checkout):
    new, old = checkout.spawn(major=18), checkout.spawn(major=16)

    assert new.tell("ask('SHOW server_version')").startswith("18.")
    assert old.tell("ask('SHOW server_version')").startswith("16.")
    assert new.end() == old.end() == 0


def test_remove_refuses_while_somebody_uses_it(checkout):
    user = checkout.spawn()

    code, _, message = checkout.embedded("remove")

    assert code == 1
    assert "in use by a running process: nothing was removed" in message
    assert user.tell("ask('SELECT 7')") == "7"
    user.end()
    assert checkout.embedded("remove") == (0, "", "")
    assert not checkout.server().made()
