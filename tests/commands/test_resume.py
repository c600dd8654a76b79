"""A run that was killed, and the next one."""

from __future__ import annotations

import pytest

from tests.shop import ADD_PRICE, Shop

IMPORTS = "from migrationops.operations import AddIndex"
TWO_INDEXES = [
    'AddIndex("item", models.Index(fields=["name"], name="item_name"))',
    'AddIndex("item", models.Index(fields=["price"], name="item_price"))',
]


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop with rows, an atomic and a non-atomic migration pending."""
    opened_shop.ops.update(POLICY={"backup": "none"})
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'n' || g FROM generate_series(1, 200) g"
    )
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    return opened_shop


def test_operations_that_can_be_run_again_are(ready: Shop) -> None:
    ready.add(
        "0003_expand_indexes",
        *TWO_INDEXES,
        after="0002_expand_price",
        atomic=False,
        extra=IMPORTS,
    )
    ready.kill_at("NEW.sql LIKE '%CREATE INDEX%item_price%' AND NEW.state = 'done'")

    ready.succeed("safe_migrate", "--wait", "30")

    assert ready.applied()[-1] == "0003_expand_indexes"
    assert ready.query(
        "SELECT c.relname, i.indisvalid FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE c.relname LIKE 'item%' ORDER BY 1"
    ) == [("item_name", True), ("item_price", True)]
    states = ready.query("SELECT state FROM migrationops_run ORDER BY started_at")
    assert [s for (s,) in states][-2:] == ["failed", "done"]


def test_without_a_rehearsal_a_person_is_asked(ready: Shop) -> None:
    ready.add(
        "0003_expand_sql",
        'migrations.RunSQL("CREATE TABLE note (id int)")',
        'migrations.RunSQL("CREATE TABLE other (id int)")',
        after="0002_expand_price",
        atomic=False,
    )
    ready.kill_at("NEW.sql LIKE '%TABLE note%' AND NEW.state = 'done'")

    done = ready.run("safe_migrate", "--wait", "30")

    assert done.returncode == 6, done.stderr
    assert "applied in part" in done.stderr
    assert "Next: " in done.stderr
    assert ready.applied()[-1] == "0002_expand_price"
