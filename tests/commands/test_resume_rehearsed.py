"""A rehearsed run that is killed goes on at its very next statement.

Every boundary is in tests/faults/matrix.
"""

from __future__ import annotations

import json

import pytest

from tests.outcome import refused
from tests.shop import ADD_PRICE, BROKEN, Shop

IMPORTS = """
def fill(apps, schema_editor):
    Item = apps.get_model("shop", "Item")
    alias = schema_editor.connection.alias
    Item.objects.using(alias).filter(price=None).update(price=7)

fill.idempotent = True
"""
# Statements that could not be run twice, a deferred one, data in between.
MIXED = [
    'migrations.RunSQL("CREATE TABLE note (id int PRIMARY KEY)")',
    'AddIndexConcurrently("item", models.Index(fields=["price"], name="item_price"))',
    "migrations.RunPython(fill, migrations.RunPython.noop)",
    'migrations.AddField("item", "code", models.CharField(max_length=9, null=True, '
    "unique=True))",
    'migrations.RunSQL("ALTER TABLE note ADD COLUMN text text")',
]
POLICY = {"backup": "none", "rehearse": True}


@pytest.fixture
def mixed(opened_shop: Shop) -> Shop:
    """Return a shop with rows and a non-atomic migration of every kind pending."""
    return mix(opened_shop)


def mix(shop: Shop) -> Shop:
    shop.ops.update(POLICY=POLICY)
    shop.execute(
        "INSERT INTO shop_item (name) SELECT 'n' || g FROM generate_series(1, 200) g"
    )
    shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    shop.add(
        "0003_expand_mixed",
        *MIXED,
        after="0002_expand_price",
        atomic=False,
        extra=IMPORTS,
    )
    return shop


UNDISTURBED_ROWS = [(200, 1400)]
AFTER_THE_TABLE = "NEW.sql LIKE 'CREATE TABLE note%' AND NEW.state = 'done'"
AFTER_THE_INDEX = "NEW.sql LIKE '%item_price%' AND NEW.state = 'done'"
AFTER_THE_DATA = "NEW.kind = 'data' AND NEW.state = 'done'"


@pytest.mark.faults
def test_killed_twice_it_still_ends(mixed: Shop) -> None:
    mixed.kill_at(AFTER_THE_TABLE)
    mixed.kill_at(AFTER_THE_DATA, "--wait", "30")

    mixed.succeed("safe_migrate", "--wait", "30")

    assert mixed.query("SELECT count(*), sum(price) FROM shop_item") == UNDISTURBED_ROWS
    assert mixed.applied()[-1] == "0003_expand_mixed"


@pytest.mark.faults
def test_killed_again_before_a_step_of_its_own_it_still_ends(mixed: Shop) -> None:
    mixed.kill_at(AFTER_THE_DATA)
    mixed.kill_at("NEW.position IS NOT NULL", "--wait", "30")

    mixed.succeed("safe_migrate", "--wait", "30")

    assert mixed.query("SELECT count(*), sum(price) FROM shop_item") == UNDISTURBED_ROWS
    assert mixed.applied()[-1] == "0003_expand_mixed"


@pytest.mark.faults
def test_a_refusal_after_a_resume_says_what_the_run_had_finished(mixed: Shop) -> None:
    mixed.kill_at(AFTER_THE_DATA)
    mixed.add("0004_expand_broken", BROKEN, after="0003_expand_mixed")

    done = mixed.run("safe_migrate", "--wait", "30")

    refused(done, 6, "had finished shop.0003_expand_mixed", next_="Correct the migr")
    assert mixed.applied()[-1] == "0003_expand_mixed"


@pytest.mark.faults
def test_another_host_needs_nothing_but_the_database(mixed: Shop) -> None:
    mixed.kill_at(AFTER_THE_INDEX)
    for path in sorted((mixed.directory / "state").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    mixed.ops["POLICY"] = {**POLICY, "backup": "decoded"}
    done = json.loads(mixed.succeed("safe_migrate", "--json", "--wait", "30"))

    assert mixed.applied()[-1] == "0003_expand_mixed"
    assert [a["name"] for a in done["applied"]] == ["0003_expand_mixed"]
    # Nothing is left that they could be for.
    assert done["rehearsal"] is done["backup"] is None


@pytest.mark.faults
def test_what_is_half_applied_comes_first_whatever_is_asked_for(shop: Shop) -> None:
    shop.succeed("safe_migrate", "shop", "0001", POLICY={"backup": "none"})
    mix(shop).kill_at(AFTER_THE_TABLE, "shop")

    shop.succeed("safe_migrate", "contenttypes", "--wait", "30")

    assert shop.applied()[-1] == "0003_expand_mixed"
    assert shop.query(
        "SELECT count(*) > 0 FROM django_migrations WHERE app = 'contenttypes'"
    ) == [(True,)]
