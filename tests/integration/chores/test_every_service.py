"""N callers of each service, threads and processes: the effect of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from tests.integration.chores.callers import callers
from tests.integration.chores.invariants import check_all
from tests.integration.chores.services import AGAIN, SERVICES, Service, state
from tests.integration.chores.test_concurrency import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.home import Home
    from tests.integration.chores.callers import Callers

THREADS = 8
PROCESSES = 4
ALL = {**SERVICES, **AGAIN}
pytestmark = [pytest.mark.deep, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def processes(django_db_setup: None) -> Iterator[Callers]:
    with callers(str(connection.settings_dict["NAME"]), PROCESSES) as found:
        yield found


def after_one(service: Service, args: tuple[object, ...]) -> list[tuple[object, ...]]:
    """Return what one caller leaves behind, and take it back."""
    with transaction.atomic():
        before = state()
        service.call(*args)
        found = state()
        assert found != before
        transaction.set_rollback(True)
    return found


def answered(name: str, callers: int) -> int:
    """Return how many callers get an answer; the others are refused."""
    return callers if name in AGAIN or ALL[name].same_answer else 1


@pytest.mark.parametrize("name", ALL)
def test_threads_have_the_effect_of_one(home: Home, name: str) -> None:
    service = ALL[name]
    args = service.ready(home)
    expected = after_one(service, args)
    results = at_once(*[lambda: service.call(*args)] * THREADS)
    done = [result for result in results if not isinstance(result, Exception)]
    assert len(done) == answered(name, THREADS)
    assert state() == expected
    check_all(home.household)


@pytest.mark.parametrize("name", ALL)
def test_processes_have_the_effect_of_one(
    home: Home, processes: Callers, name: str
) -> None:
    service = ALL[name]
    args = service.ready(home)
    expected = after_one(service, args)
    results = processes.call(name, args)
    done = answered(name, PROCESSES)
    assert sorted(results) == ["done"] * done + ["refused"] * (PROCESSES - done)
    assert state() == expected
    check_all(home.household)
