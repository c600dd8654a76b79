"""What would take too long is refused before it begins."""

from __future__ import annotations

import pytest

from tests.outcome import refused, unchanged
from tests.shop import ADD_PRICE, Shop

ALTER = 'migrations.AlterField("item", "name", models.TextField())'


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop with something to rewrite, and no backup."""
    opened_shop.add("0002_expand_text", ALTER, after="0001_expand_item")
    return opened_shop


def test_what_would_take_too_long_is_refused_and_the_choices_named(
    ready: Shop,
) -> None:
    with unchanged(ready):
        done = ready.run("safe_migrate", TIME_BUDGET=0.1, POLICY={"backup": "restored"})

    refused(
        done,
        3,
        "would take at least 0:00:0",
        "apply unknown",  # nothing was rehearsed
        "its time budget is 0:00:00",
        "Nothing of yours was changed",
        "'PROOF_URL'",
        "'decoded'",
        next_="Set MIGRATIONOPS['TIME_BUDGET']",
    )
    assert not list(ready.directory.rglob("*.dump"))
    assert "beforehand" not in done.stderr  # this plan needs a backup of its own


def expected(shop: Shop, stage: str) -> dict[str, float | None]:
    """Return what the newest run expected to take, as it noted in this stage."""
    rows = shop.query(
        "SELECT detail->'expected' FROM migrationops_step WHERE label = %s "
        "ORDER BY id DESC LIMIT 1",
        stage,
    )
    found: dict[str, float | None] = rows[0][0]
    return found


def test_a_plan_that_only_adds_is_told_to_take_its_backup_before(ready: Shop) -> None:
    ready.add("0002_expand_text", ADD_PRICE, after="0001_expand_item")
    done = ready.run("safe_migrate", TIME_BUDGET=0.1)
    refused(done, 3, "manage.py backup beforehand")

    ready.succeed("backup")
    ready.succeed("safe_migrate", TIME_BUDGET=0)  # no limit

    assert expected(ready, "plan")["backup"] == 0
    assert expected(ready, "plan")["rehearse"] == 0  # by this policy there is none
    assert expected(ready, "plan")["apply"] is None


@pytest.mark.faults
def test_after_the_rehearsal_it_knows_more(ready: Shop) -> None:
    ready.execute(
        "INSERT INTO shop_item (name) SELECT g FROM generate_series(1, 9999) g"
    )
    ready.execute("ANALYZE shop_item")
    rewrite = "ALTER TABLE shop_item ALTER name TYPE int USING name::int"
    operation = f'migrations.RunSQL("{rewrite}")'
    ready.add("0002_expand_text", operation, after="0001_expand_item")

    ready.succeed("safe_migrate", POLICY={"backup": "none", "rehearse": True})

    before, after = expected(ready, "plan"), expected(ready, "rehearse")
    assert before["rehearse"] is before["apply"] is None
    assert after["rehearse"] == 0
    assert after["apply"]
    assert after["spent"] > before["spent"]
