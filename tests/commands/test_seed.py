"""Seeding by a project's own scenario: gated, and all of it or nothing."""

from __future__ import annotations

import json

import pytest

from tests.outcome import refused, unchanged
from tests.shop import SLEEPING, Shop

SCENARIO = """
from django.db import connections


def fill(environment, *, alias, scale, random_seed, progress):
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "INSERT INTO shop_item (name) SELECT %s || n FROM generate_series(1, %s) n",
            [f"{environment} {random_seed} ", scale],
        )
        progress(scale)
        if random_seed == 13:
            cursor.execute("SELECT pg_sleep(60)")
    return {"shop_item": scale}


def clear(*, alias):
    with connections[alias].cursor() as cursor:
        cursor.execute("TRUNCATE shop_item")
"""
SEEDS = {"scenarios": {"development": "scenario.fill"}, "clear": "scenario.clear"}
SEED = ("seed", "--env", "development")


@pytest.fixture
def seeded(opened_shop: Shop) -> Shop:
    """Return a development shop with a scenario and two items."""
    (opened_shop.directory / "scenario.py").write_text(SCENARIO)
    opened_shop.ops["SEEDS"] = SEEDS
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('mine'), ('yours')")
    return opened_shop


def items(shop: Shop) -> list[str]:
    return [name for (name,) in shop.query("SELECT name FROM shop_item ORDER BY id")]


def test_a_scenario_gets_its_options_after_what_was_there_is_gone(seeded: Shop) -> None:
    options = ("--scale", "2", "--random-seed", "7", "--flush", "--no-input", "--json")
    report = json.loads(seeded.succeed(*SEED, *options))

    assert report["generated"] == {"shop_item": 2}
    assert report["flushed"] is True
    assert items(seeded) == ["development 7 1", "development 7 2"]


def test_a_killed_seed_leaves_what_was_there(seeded: Shop) -> None:
    killed = seeded.start(*SEED, "--random-seed", "13", "--flush", "--no-input")
    seeded.wait_for(SLEEPING, killed)
    killed.kill()
    killed.communicate()
    seeded.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event = 'PgSleep'"
    )

    assert items(seeded) == ["mine", "yours"]
    assert "Generated 1 row" in seeded.succeed(*SEED)
    assert len(items(seeded)) == 3


@pytest.mark.faults
@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ("production", "Production is never seeded"),
        ("test", "--flush deletes, which test does not allow"),
    ],
)
def test_nothing_is_emptied_elsewhere(
    seeded: Shop, environment: str, says: str
) -> None:
    seeded.ops["ENVIRONMENT"] = environment
    seeded.execute(f"UPDATE migrationops_stamp SET environment = '{environment}'")

    with unchanged(seeded):
        done = seeded.run("seed", "--env", environment, "--flush", "--no-input")

    refused(done, 3, says, "nothing was changed")
    assert items(seeded) == ["mine", "yours"]


@pytest.mark.faults
def test_a_flush_needs_the_stamp_and_somebody_who_knows_what(seeded: Shop) -> None:
    seeded.ops["SEEDS"] = {"scenarios": SEEDS["scenarios"]}
    done = seeded.run(*SEED, "--flush", "--no-input")
    assert done.returncode == 1
    assert "Nobody knows what --flush should delete" in done.stderr

    seeded.ops["SEEDS"] = SEEDS
    seeded.execute("UPDATE migrationops_stamp SET environment = 'staging'")
    done = seeded.run(*SEED, "--flush", "--no-input")
    refused(done, 3, "is stamped staging", "nothing was changed")
    assert items(seeded) == ["mine", "yours"]
