"""What the simulated world proves, and what it looks like after a statement."""

from __future__ import annotations

import pytest

from migrationops.lint.simulation.facts import Facts
from migrationops.lint.simulation.simulate import simulate
from migrationops.lint.simulation.world import World

PARTITIONED = """
create table part (day date not null, low date not null) partition by range (day);
create table one partition of part for values from ('2024-01-01') to ('2025-01-01');
create table two partition of part for values from ('2025-01-01') to ('2026-01-01');
"""
NEXT = "create table next (day date not null, low date not null, check ({}))"
ATTACH = "alter table part attach partition next for values from ({}) to ('2027-01-01')"
WITHIN = "day >= '2026-01-01' and day < '2027-01-01'"


def world_of(script: str) -> World:
    world = World(facts=Facts(version=18), atomic=False)
    assert [e.failure for e in simulate(script, world) if e.failure] == []
    world.rows = {}  # not known: they may be full
    return world


@pytest.mark.parametrize(
    ("check", "blocks"),
    [
        (WITHIN, False),
        (f"{WITHIN} and day < low", False),
        ("day >= '2026-01-01' and day < low", True),
        ("day between '2026-01-01' and low", True),
        ("day in ('2026-01-01', low)", True),
    ],
)
def test_a_comparison_with_another_column_proves_no_bound(
    check: str, blocks: bool
) -> None:
    world = world_of(f"{PARTITIONED}; {NEXT.format(check)}")

    (effect,) = simulate(ATTACH.format("'2026-01-01'"), world)

    assert effect.blocks is blocks


def test_a_bound_that_the_server_works_out_is_not_proven() -> None:
    world = world_of(f"{PARTITIONED}; {NEXT.format(WITHIN)}")

    (effect,) = simulate(ATTACH.format("date '2026-01-01' + 30"), world)

    assert effect.blocks is True


def test_an_index_goes_with_its_parts_in_the_partitions() -> None:
    world = world_of(f"{PARTITIONED}; create index i on part (low); drop index i")

    assert [t.indexes for t in world.tables.values()] == [(), (), ()]


def test_an_index_of_a_partition_alone_stays() -> None:
    world = world_of(
        f"{PARTITIONED}; create index own on one (day, low);"
        "create index i on part (low); drop index i"
    )

    assert [i.name for t in world.tables.values() for i in t.indexes] == ["own"]
