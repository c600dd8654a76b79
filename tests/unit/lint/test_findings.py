"""What findings say of the table that they are about, and when they are silent."""

from __future__ import annotations

import pytest

from migrationops.lint import checking, registry
from migrationops.lint.simulation.facts import Facts
from migrationops.lint.simulation.simulate import simulate
from migrationops.lint.simulation.world import World

SCHEMA = """
create table "Order Line" (id bigint primary key, "order" bigint, total int);
create table "order" (id bigint primary key, number text);
create table part (id bigint, day date) partition by range (day);
create table part1 partition of part for values from ('2024-01-01') to ('2025-01-01');
create table part2 partition of part for values from ('2025-01-01') to ('2026-01-01');
"""


def findings(statement: str) -> dict[str, list[str]]:
    """Return the remedies by rule."""
    world = World(facts=Facts(version=18), atomic=False)
    simulate(SCHEMA, world)
    world.rows = {}
    found: dict[str, list[str]] = {}
    for _, some in checking.lint_script(statement, world, registry.active({})):
        for finding in some:
            found.setdefault(finding.rule, []).append(finding.remedy)
    return found


@pytest.mark.parametrize(
    ("statement", "rule", "query"),
    [
        (
            'alter table "Order Line" add check (total > 0)',
            "check-over-violations",
            'SELECT count(*) FROM "Order Line" WHERE NOT (total > 0);',
        ),
        (
            'alter table "Order Line" add foreign key ("order") references "order"',
            "fk-over-orphans",
            'SELECT FROM "order" p WHERE p.id = c."order"',
        ),
        (
            'alter table "Order Line" alter total set not null',
            "not-null-over-nulls",
            'SELECT count(*) FROM "Order Line" WHERE total IS NULL;',
        ),
        (
            'create unique index on "order" (lower(number))',
            "unique-over-duplicates",
            'SELECT (lower(number)), count(*) FROM "order"',
        ),
    ],
)
def test_what_to_count_names_the_real_table(
    statement: str, rule: str, query: str
) -> None:
    (remedy,) = findings(statement)[rule]

    assert query in remedy


def test_one_statement_over_many_partitions_is_one_finding() -> None:
    found = findings("alter table part alter day set not null, alter id type int")

    assert len(found["alter-type-rewrite"]) == 1


def test_a_not_null_that_a_check_demands_already_restricts_nobody_anew() -> None:
    check = 'alter table "Order Line" add check (total is not null) not valid'
    found = findings(f'{check}; alter table "Order Line" alter total set not null')

    assert len(found["new-write-restriction"]) == 1


def test_no_rule_has_a_blank_in_the_address_of_its_source() -> None:
    assert [r.id for r in registry.active({}) if " " in r.source] == []
