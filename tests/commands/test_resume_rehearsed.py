"""A rehearsed run that is killed goes on at its very next statement."""

from __future__ import annotations

import pytest

from tests.shop import ADD_PRICE, Shop

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
AFTER = {"note", "item_price", "text", "code"}


@pytest.fixture
def mixed(opened_shop: Shop) -> Shop:
    """Return a shop with rows and a non-atomic migration of every kind pending."""
    opened_shop.ops.update(POLICY=POLICY)
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'n' || g FROM generate_series(1, 200) g"
    )
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    opened_shop.add(
        "0003_expand_mixed",
        *MIXED,
        after="0002_expand_price",
        atomic=False,
        extra=IMPORTS,
    )
    return opened_shop


def content(shop: Shop) -> tuple[object, ...]:
    """Return what an undisturbed run leaves: tables, columns, indexes, rows."""
    return (
        shop.query(
            "SELECT relname, relkind FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace "
            "AND relname !~ '^(migrationops|auth|django)' ORDER BY 1, 2"
        ),
        shop.query(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute "
            "WHERE attrelid IN ('shop_item'::regclass, to_regclass('note')) "
            "AND attnum > 0 ORDER BY 1, 2"
        ),
        shop.query("SELECT count(*), sum(price) FROM shop_item"),
        shop.query("SELECT count(*) FROM pg_index WHERE NOT indisvalid"),
        shop.applied(),
    )


UNDISTURBED_ROWS = [(200, 1400)]
POINTS = {
    "before the table": "NEW.sql LIKE 'CREATE TABLE note%' AND NEW.state = 'started'",
    "after the table": "NEW.sql LIKE 'CREATE TABLE note%' AND NEW.state = 'done'",
    "after the index": "NEW.sql LIKE '%item_price%' AND NEW.state = 'done'",
    "before the data": "NEW.kind = 'data' AND NEW.state = 'started'",
    "after the data": "NEW.kind = 'data' AND NEW.state = 'done'",
    "after the column": "NEW.sql LIKE '%ADD COLUMN \"code\"%' AND NEW.state = 'done'",
    "after the last": "NEW.sql LIKE '%COLUMN text%' AND NEW.state = 'done'",
}


@pytest.mark.parametrize(
    "point",
    [
        point
        if point == "after the data"
        else pytest.param(point, marks=pytest.mark.faults)
        for point in POINTS
    ],
)
def test_it_ends_as_if_undisturbed(mixed: Shop, point: str) -> None:
    mixed.kill_at(POINTS[point])

    mixed.succeed("safe_migrate", "--wait", "30")

    names, columns, rows, invalid, applied = content(mixed)
    assert rows == UNDISTURBED_ROWS
    assert invalid == [(0,)]
    assert applied == ["0001_expand_item", "0002_expand_price", "0003_expand_mixed"]
    assert ("note", "r") in names
    assert ("item_price", "i") in names
    assert ("note", "text") in columns
    assert ("shop_item", "code") in columns


@pytest.mark.faults
def test_killed_twice_it_still_ends(mixed: Shop) -> None:
    mixed.kill_at(POINTS["after the table"])
    mixed.kill_at(POINTS["after the data"], "--wait", "30")

    mixed.succeed("safe_migrate", "--wait", "30")

    assert mixed.query("SELECT count(*), sum(price) FROM shop_item") == UNDISTURBED_ROWS
    assert mixed.applied()[-1] == "0003_expand_mixed"


def test_another_host_needs_nothing_but_the_database(mixed: Shop) -> None:
    mixed.kill_at(POINTS["after the index"])
    for path in sorted((mixed.directory / "state").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    mixed.succeed("safe_migrate", "--wait", "30")

    assert mixed.applied()[-1] == "0003_expand_mixed"
