"""The server, or the rehearsal itself, dies in mid-rehearsal."""

from __future__ import annotations

import time

import pytest

from tests.shop import ADD_PRICE, FIRST, Shop

pytestmark = [pytest.mark.faults, pytest.mark.own_server]

SLEEP = 'migrations.RunSQL("SELECT pg_sleep(60)", "SELECT 1")'


@pytest.fixture
def shop(own_server, tmp_path):
    made = Shop(directory=tmp_path, url=own_server.url, params=own_server.params)
    made.write("0001_expand_item", FIRST)
    made.succeed("safe_migrate", POLICY={"backup": "none"})
    return made


def databases(server):
    with server.connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
    return {row[0] for row in rows}


def wait_for_sleep(server):
    for _ in range(600):
        with server.connect() as connection:
            if connection.execute(
                "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
                "AND pid <> pg_backend_pid()"
            ).rowcount:
                return
        time.sleep(0.1)
    raise AssertionError("the rehearsal did not begin")


@pytest.mark.parametrize("victim", ["server", "rehearsal"])
def test_what_a_dead_rehearsal_leaves_is_collected_by_the_next(
    shop, own_server, victim
):
    before = databases(own_server)
    shop.add("0002_expand_slow", SLEEP, after="0001_expand_item")
    process = shop.start("rehearse")
    wait_for_sleep(own_server)

    own_server.kill() if victim == "server" else process.kill()
    process.communicate(timeout=60)

    assert process.returncode != 0
    own_server.start()
    assert databases(own_server) > before
    shop.add("0002_expand_slow", ADD_PRICE, after="0001_expand_item")
    shop.succeed("rehearse")
    assert databases(own_server) == before
    assert shop.applied() == ["0001_expand_item"]
