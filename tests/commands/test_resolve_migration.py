"""A migration that stopped half way, settled by a person's word and the catalog."""

from __future__ import annotations

import json

import pytest

from tests.outcome import refused, unchanged
from tests.shop import ADD_PRICE, Shop

NAME = "0002_expand_half"
FIRST, SECOND = "CREATE TABLE note (id int)", "CREATE TABLE other (id int)"
HALF = [f'migrations.RunSQL("{sql}")' for sql in (FIRST, SECOND)]
SQUASH = f"""
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = []
    replaces = [("shop", "0001_expand_item"), ("shop", "{NAME}")]
    operations = []
"""
BROKEN = 'migrations.RunSQL("CREATE TABLE other (id int, id int)")'


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Keep what was replayed once for the whole module."""
    return str(tmp_path_factory.mktemp("state"))


@pytest.fixture
def half(opened_shop: Shop, state: str) -> Shop:
    """Return a shop with a migration of two statements, the first of them done."""
    shop = opened_shop
    shop.ops.update(POLICY={"backup": "none"}, STATE_DIR=state)
    shop.add(NAME, *HALF, after="0001_expand_item", atomic=False)
    shop.execute(SECOND)
    failed = shop.run("safe_migrate")
    assert failed.returncode == 6, failed.stderr
    assert f"manage.py resolve_migration shop {NAME} --rolled-back" in failed.stderr
    shop.execute("DROP TABLE other")
    return shop


def states(shop: Shop) -> list[str]:
    rows = shop.query("SELECT state FROM migrationops_run ORDER BY started_at")
    return [state for (state,) in rows]


def test_until_it_is_settled_nothing_runs(half: Shop) -> None:
    done = half.run("safe_migrate")

    assert done.returncode == 6, done.stderr
    assert f"manage.py resolve_migration shop {NAME} --applied" in done.stderr


def test_neither_is_believed_of_a_half_applied_one(half: Shop) -> None:
    with unchanged(half):
        undone, done = half.run_each(
            ["resolve_migration", "shop", "0002", "--rolled-back"],
            ["resolve_migration", "shop", "0002", "--applied"],
        )

    refused(undone, 4, "table public.note is not expected", "nothing was changed")
    refused(done, 4, "table public.other is missing", "nothing was changed")
    assert states(half)[-3:] == ["failed", "differs", "differs"]


@pytest.mark.faults
def test_undone_it_runs_from_its_start(half: Shop) -> None:
    half.execute("DROP TABLE note")

    text = half.succeed("resolve_migration", "shop", NAME, "--rolled-back")
    half.succeed("safe_migrate")

    assert "is resolved" in text
    assert states(half)[-3:] == ["resolved", "done", "done"]
    assert half.applied()[-1] == NAME
    assert half.columns("other") == {"id"}


def test_it_is_settled_beside_a_squash_that_replaces_it(half: Shop) -> None:
    """Of what the squash replaces only a part is applied, so it is not in force."""
    half.write("0001_squashed_0002_expand_half", SQUASH)
    half.execute("DROP TABLE note")

    half.succeed("resolve_migration", "shop", NAME, "--rolled-back")

    assert states(half)[-2:] == ["resolved", "done"]


def test_completed_it_is_recorded(half: Shop) -> None:
    half.execute(SECOND)

    report = json.loads(
        half.succeed("resolve_migration", "shop", NAME, "--applied", "--json")
    )
    half.succeed("safe_migrate")  # sends post_migrate

    assert report["recorded"]
    assert report["shown"]
    assert len(report["runs"]) == 1
    assert half.applied()[-1] == NAME
    assert states(half)[-3:] == ["resolved", "done", "done"]
    assert half.succeed("migration_status", "--check")


@pytest.mark.faults
def test_one_that_cannot_be_replayed_is_settled_beside_strangers(half: Shop) -> None:
    half.add(NAME, HALF[0], BROKEN, after="0001_expand_item", atomic=False)
    half.execute("CREATE TABLE stranger (id int)")

    done = half.run("resolve_migration", "shop", NAME, "--applied")
    refused(done, 4, "cannot be replayed", "nothing was changed")
    done = half.run("resolve_migration", "shop", NAME, "--rolled-back")
    refused(done, 4, "table public.note is not expected", "nothing was changed")
    half.execute("DROP TABLE note")
    text = half.succeed("resolve_migration", "shop", NAME, "--rolled-back")

    assert "table public.stranger is not expected" in text


def test_a_record_that_says_too_much_is_removed(half: Shop) -> None:
    half.execute("DROP TABLE note")
    half.execute(
        "INSERT INTO django_migrations (app, name, applied) "
        f"VALUES ('shop', '{NAME}', now())"
    )

    half.succeed("resolve_migration", "shop", NAME, "--rolled-back")

    assert half.applied() == ["0001_expand_item"]


@pytest.mark.faults
def test_only_the_edge_of_what_is_applied_can_be_settled(half: Shop) -> None:
    half.add("0003_expand_price", ADD_PRICE, after=NAME)
    cases = {
        "shop 0001 --rolled-back": ("", 4),
        "shop 0003 --applied": (f"needs first shop.{NAME}", 3),
        "shop 0009 --applied": ("no migration that starts with '0009'", 3),
        "nosuch 0001 --applied": ("'nosuch' is not installed", 3),
    }

    with unchanged(half):
        results = half.run_each(*(["resolve_migration", *c.split()] for c in cases))

    for done, (text, code) in zip(results, cases.values(), strict=True):
        refused(done, code, text, "nothing was changed")
