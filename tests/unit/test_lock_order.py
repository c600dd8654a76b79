"""Parents before children, whatever else refers to what."""

from __future__ import annotations

import pytest

from migrationops.executor.footprint import Footprint, leading
from migrationops.postgres.lockable import parents_first
from migrationops.postgres.table_locks import Lock


@pytest.mark.parametrize(
    ("parents", "wanted"),
    [
        ({"b": set(), "a": set()}, ["a", "b"]),
        ({"a": {"b"}, "b": set()}, ["b", "a"]),
        ({"a": {"c"}, "b": {"a"}, "c": set()}, ["c", "a", "b"]),
        ({"a": {"a", "b"}, "b": {"b"}}, ["b", "a"]),  # a tree refers to itself
        ({"b": {"a"}, "a": {"b"}, "c": {"a"}}, ["a", "b", "c"]),  # a circle
    ],
)
def test_parents_come_first(parents: dict[str, set[str]], wanted: list[str]) -> None:
    assert parents_first(parents) == wanted


def alter(table: str, lock: Lock = Lock.AX, *, works: bool = False) -> Footprint:
    return Footprint.of(f"ALTER TABLE {table} ADD c int", {table: lock}, works=works)


def test_the_strongest_lock_is_taken_and_none_that_lets_writers_in() -> None:
    steps = [alter("a", Lock.SRX), alter("b", Lock.SUX), alter("a"), alter("c")]

    assert leading(steps) == {"a": Lock.AX, "c": Lock.AX}


def test_nothing_is_locked_for_the_length_of_anothers_work() -> None:
    steps = [alter("a"), alter("b", works=True), alter("c"), alter("a", Lock.AX)]

    assert leading(steps) == {"a": Lock.AX, "b": Lock.AX}
    assert leading([Footprint(works=True), *steps]) == {}


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE a ADD b int; ALTER TABLE c ADD d int",
        "DO $$ BEGIN PERFORM pg_sleep(9); END $$",
        "SELECT change_all()",
        "not sql",
    ],
)
def test_what_may_lock_after_its_work_locks_nothing_first(sql: str) -> None:
    assert leading([Footprint.of(sql, {"a": Lock.AX}, works=True)]) == {}
