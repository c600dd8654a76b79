"""What the how-tos and runbooks tell people to do, done as it stands there."""

from __future__ import annotations

import re

from tests.pages import page
from tests.shop import Shop

NO_BACKUP = {"backup": "none"}


def test_the_expand_contract_change_works_as_written(opened_shop: Shop) -> None:
    shop = opened_shop
    shop.ops["POLICY"] = NO_BACKUP
    shop.execute(
        "INSERT INTO shop_item (name) "
        "SELECT 'Broom ' || n FROM generate_series(1, 2000) n"
    )
    files = page("docs/howto/write-an-expand-contract-change.md").files
    for name, source in files.items():
        shop.write(name.removesuffix(".py"), source)

    shop.succeed("safe_migrate")

    names = [name.removesuffix(".py") for name in files]
    assert shop.applied() == ["0001_expand_item", *names]
    assert shop.query("SELECT count(*) FROM shop_item WHERE slug = lower(name)") == [
        (2000,)
    ]
    assert shop.query(
        "SELECT attnotnull FROM pg_attribute "
        "WHERE attrelid = 'shop_item'::regclass AND attname = 'slug'"
    ) == [(True,)]
    shop.succeed("sqlmigrate", "shop", "0004_contract_slug")


def test_a_half_applied_migration_is_settled_as_the_runbook_says(
    opened_shop: Shop,
) -> None:
    shop = opened_shop
    shop.ops["POLICY"] = NO_BACKUP
    first, broken = ("CREATE TABLE a (id int)", "CREATE TABLE b (id int, id int)")
    half = [f'migrations.RunSQL("{sql}")' for sql in (first, broken)]
    where = {"after": "0001_expand_item", "atomic": False}
    shop.add("0002_expand_half", *half, **where)
    assert shop.run("safe_migrate").returncode == 6
    assert shop.run("safe_migrate").returncode == 6

    shop.execute("DROP TABLE a")
    (back, _) = re.findall(
        r"manage\.py (resolve_migration .+)",
        page("docs/runbooks/failed-migration.md").text,
    )
    shop.succeed(*back.replace("0007_expand_x", "0002_expand_half").split())
    shop.add("0002_expand_half", half[0], **where)
    shop.succeed("safe_migrate")

    assert shop.applied()[-1] == "0002_expand_half"
