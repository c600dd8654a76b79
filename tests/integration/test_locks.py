"""The runner lock on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from migrationops.exceptions import LockedError, NeedsPersonError
from migrationops.postgres import databases, locks, timeouts
from migrationops.postgres.locks import RunnerLock, runner_lock
from migrationops.postgres.timeouts import Limits

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lock() -> Iterator[RunnerLock]:
    with runner_lock(
        "default", maintenance_db="postgres", wait=0, application="first"
    ) as held:
        yield held


def test_a_second_runner_is_told_who_holds_it(lock: RunnerLock) -> None:
    with (
        pytest.raises(LockedError, match="first"),
        runner_lock("default", maintenance_db="postgres", wait=0, application="second"),
    ):
        pytest.fail("two runners hold the lock")


def test_it_is_free_again_afterwards(lock: RunnerLock) -> None:
    lock.check()
    lock._connection.close()

    with runner_lock(
        "default", maintenance_db="postgres", wait=10, application="second"
    ) as second:
        second.check()


def test_a_lost_lock_is_noticed(
    lock: RunnerLock, server_params: dict[str, Any]
) -> None:
    with psycopg.connect(**server_params, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(%s)", [lock._connection.info.backend_pid]
        )

    with pytest.raises(NeedsPersonError, match="lost"):
        lock.check()


def test_the_target_has_a_lock_of_its_own(lock: RunnerLock) -> None:
    with databases.connect("default") as one, databases.connect("default") as two:
        locks.take(one, lock.target_key, wait=0)
        with pytest.raises(LockedError):
            locks.take(two, lock.target_key, wait=0)


def test_without_a_maintenance_database_the_lock_lives_in_the_target() -> None:
    names = {"maintenance_db": "no_such_database", "wait": 0, "application": "x"}
    with runner_lock("default", **names) as held:
        held.check()
        with pytest.raises(LockedError), runner_lock("default", **names):
            pytest.fail("two runners hold the lock")


def test_limits_hold_for_the_transaction_only() -> None:
    limits = Limits(lock_timeout=1234, statement_timeout=0)
    with databases.connect("default") as connection:
        with connection.transaction():
            timeouts.apply(connection, limits, local=True)
            row = connection.execute("SHOW lock_timeout").fetchone()
        after = connection.execute("SHOW lock_timeout").fetchone()

    assert (row, after) == (("1234ms",), ("0",))
