"""What a deploy must back up depends on what it does."""

from __future__ import annotations

import json

import pytest

from tests.shop import ADD_PRICE, Shop


@pytest.fixture
def backed_up(opened_shop: Shop) -> Shop:
    """Return a shop with one proven backup."""
    opened_shop.succeed("backup")
    return opened_shop


def backups(shop: Shop) -> int:
    return len(list((shop.directory / "backups").glob("*.dump")))


def test_a_plan_that_only_adds_takes_no_new_one(backed_up: Shop) -> None:
    backed_up.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")

    report = json.loads(backed_up.succeed("safe_migrate", "--json"))

    assert backups(backed_up) == 1
    assert report["backup"]["id"]


def test_one_that_is_too_old_does_not_count(backed_up: Shop) -> None:
    backed_up.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")

    backed_up.succeed("safe_migrate", POLICY={"max_backup_age": 0})

    assert backups(backed_up) == 2


def test_one_that_is_proven_less_does_not_count(backed_up: Shop) -> None:
    backed_up.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")

    backed_up.succeed("safe_migrate", POLICY={"backup": "counted"})

    assert backups(backed_up) == 2


@pytest.mark.parametrize(
    "operation",
    [
        'migrations.RemoveField("item", "name")',
        'migrations.AlterField("item", "name", models.TextField())',
        "migrations.RunPython(migrations.RunPython.noop)",
    ],
)
def test_a_plan_that_may_take_something_away_does(
    backed_up: Shop, operation: str
) -> None:
    backed_up.add("0002_contract_item", operation, after="0001_expand_item")

    backed_up.succeed("safe_migrate")

    assert backups(backed_up) == 2


REHEARSED = {"backup": "rehearsed", "rehearse": True, "lint": "off"}
UNIQUE = (
    'migrations.AddConstraint("item", '
    'models.UniqueConstraint(fields=["name"], name="item_name"))'
)


# Wherever it is rehearsed: what nobody claims, the next proof by restoring drops.
CLAIMED = """
from migrationops.postgres import locks

def claimed(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        name = cursor.fetchone()[0]
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND (classid::bigint << 32) | objid::bigint = %s", [locks.key(name)]
        )
        assert name == "{}" or cursor.fetchone() == (1,), name
"""


def test_a_plan_is_run_on_the_restored_rows(opened_shop: Shop) -> None:
    """Whoever proves another backup meanwhile leaves them alone."""
    opened_shop.add(
        "0002_expand_unique",
        "migrations.RunPython(claimed)",
        UNIQUE,
        after="0001_expand_item",
        extra=CLAIMED.format(opened_shop.params["dbname"]),
    )

    report = json.loads(opened_shop.succeed("safe_migrate", "--json", POLICY=REHEARSED))

    assert report["backup"]["proof"]["level"] == "rehearsed"
    beside = "SELECT count(*) FROM pg_database WHERE starts_with(datname, %s)"
    assert opened_shop.query(beside, opened_shop.params["dbname"]) == [(1,)]


@pytest.mark.faults
def test_one_that_only_fails_there_is_refused(opened_shop: Shop) -> None:
    """On an empty shadow it passes: only the backup's rows are in its way."""
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('twice'), ('twice')")
    opened_shop.add("0002_expand_unique", UNIQUE, after="0001_expand_item")

    done = opened_shop.run("safe_migrate", POLICY=REHEARSED)

    assert done.returncode == 3, done.stderr
    assert "failed on the rows of backup-" in done.stderr
    assert opened_shop.applied() == ["0001_expand_item"]
