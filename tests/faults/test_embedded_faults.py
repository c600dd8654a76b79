"""The embedded server under users that come, go and die at any moment."""

from __future__ import annotations

import random
import signal
import time

import pytest

from config.embedded.cluster import State
from tests.checkout import Checkout
from tests.server import kill

pytestmark = [pytest.mark.own_server, pytest.mark.faults]


@pytest.fixture
def checkout():
    """A copy of the configuration whose servers were never made."""
    checkout = Checkout.make()
    yield checkout
    checkout.remove()


@pytest.mark.parametrize("delay", [n / 20 for n in range(1, 31)])
def test_a_first_start_killed_at_any_moment(checkout, delay):
    starter = checkout.spawn(listen=False)
    time.sleep(delay)
    starter.kill(signal.SIGKILL)

    user = checkout.spawn()

    assert user.tell("ask('SELECT 7')") == "7"
    assert user.end() == 0
    assert checkout.server().cluster().state() is State.STOPPED


def test_users_that_come_and_go_never_miss_the_server(checkout):
    checkout.spawn().end()
    for _ in range(20):
        users = [checkout.spawn(listen=False) for _ in range(3)]
        assert [user.listen() for user in users] == ["chores"] * 3
        assert [user.end() for user in users] == [0] * 3
    assert checkout.server().cluster().state() is State.STOPPED


def test_users_and_postmasters_that_die_lose_nothing(checkout):
    dice = random.Random(7)
    counter = checkout.spawn()
    counter.tell("ask('CREATE TABLE counted (n int)')")
    for n in range(1, 31):
        other = checkout.spawn()
        if dice.random() < 0.5:
            other.kill(dice.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        if dice.random() < 0.5:
            kill(checkout.server().cluster())
        counter.tell(f"connection.close() or ask('INSERT INTO counted VALUES ({n})')")
    assert counter.tell("ask('SELECT count(*) FROM counted')") == "30"
