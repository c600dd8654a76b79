"""The lock modes by their names, and which of them conflict."""

from __future__ import annotations

import pytest

from migrationops.postgres.table_locks import Lock


@pytest.mark.parametrize("lock", Lock)
def test_every_mode_has_its_two_names(lock: Lock) -> None:
    assert Lock.of(lock.held_as) is lock


def test_names_are_those_of_the_manual() -> None:
    assert Lock.AX.title == "ACCESS EXCLUSIVE"
    assert Lock.SUX.title == "SHARE UPDATE EXCLUSIVE"
    assert Lock.SRX.held_as == "ShareRowExclusiveLock"


@pytest.mark.parametrize("lock", Lock)
def test_conflicts_go_both_ways(lock: Lock) -> None:
    assert all(lock in other.conflicts for other in lock.conflicts)
