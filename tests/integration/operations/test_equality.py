"""Every operation ends where Django's own ends, forwards, back and after a kill."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.db.migrations.autodetector import MigrationAutodetector

from tests.integration.operations.cases import CASES, Case, beginning
from tests.integration.operations.ground import Ground, state_with

every = pytest.mark.parametrize("case", CASES, ids=str)
SAMPLE = {"not null", "unique deferred", "foreign key", "no buyer", "retyped slug"}
sample = pytest.mark.parametrize(
    "case", [case for case in CASES if case.name in SAMPLE], ids=str
)


def start(ground: Ground) -> None:
    ground.begin(beginning())


@every
def test_catalog_and_state_equal_those_of_django(ground: Ground, case: Case) -> None:
    state = state_with(*beginning())
    start(ground)
    empty = ground.catalog()
    ground.apply(state, *case.djangos)
    wanted = ground.catalog()
    start(ground)

    after = ground.apply(state, *case.ours)
    assert ground.catalog() == wanted
    ground.unapply(state, *case.ours)
    assert ground.catalog() == empty
    ground.apply(state, *case.ours)
    assert ground.catalog() == wanted

    models = state_with(*beginning(), *case.djangos)
    assert MigrationAutodetector(after, models)._detect_changes() == {}


@sample
def test_running_again_after_a_kill_ends_in_the_same(
    ground: Ground, case: Case
) -> None:
    kill_everywhere(ground, case)


@pytest.mark.faults
@every
def test_every_operation_can_be_killed_at_every_statement(
    ground: Ground, case: Case
) -> None:
    kill_everywhere(ground, case)


def kill_everywhere(ground: Ground, case: Case) -> None:
    """Kill before each statement in turn, run again, compare."""
    state = state_with(*beginning())
    start(ground)
    ground.apply(state, *case.ours)
    wanted = ground.catalog()
    point = 0
    while True:
        start(ground)
        try:
            with ground.killed_at(point) as ran:
                ground.apply(state, *case.ours)
            break
        except OperationalError:
            ground.connection.close()
        ground.apply(state, *case.ours)
        assert ground.catalog() == wanted, f"killed before statement {point}: {ran}"
        point += 1
    assert point == len(ran) > 0


@every
def test_collected_sql_does_the_same(ground: Ground, case: Case) -> None:
    state = state_with(*beginning())
    start(ground)
    ground.apply(state, *case.ours)
    wanted = ground.catalog()
    start(ground)

    for statement in ground.collect(state, *case.ours):
        ground.run(statement)

    assert ground.catalog() == wanted
