"""A dangerous migration becomes its safe sequence, proven before it is written."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.shop import Shop

PRICE = 'migrations.AddField("item", "price", models.PositiveIntegerField(default=3))'
CODE = 'migrations.AddField("item", "code", models.UUIDField(db_default=RandomUUID()))'
UUIDS = "from django.contrib.postgres.functions import RandomUUID"
TYPE = 'migrations.AlterField("item", "name", models.TextField(db_index=True))'
INDEX = 'migrations.AddIndex("item", models.Index(fields=["name"], name="by_name"))'
CHECK = """migrations.AddConstraint(
    "item", models.CheckConstraint(condition=~models.Q(name=""), name="named"))"""
UNIQUE = """migrations.AddConstraint(
    "item", models.UniqueConstraint(fields=["name"], name="once"))"""
RENAME = 'migrations.RenameField("item", "name", "title")'
OWNER = """migrations.AddField(
    "item", "part_of", models.ForeignKey("shop.item", models.CASCADE, null=True))"""
NUMBER = 'migrations.AlterField("item", "name", models.IntegerField(unique=True))'
KEY = 'migrations.AlterField("item", "id", models.AutoField(primary_key=True))'
MODEL = 'migrations.RenameModel("Item", "Thing")'
SQL = """migrations.RunSQL(
    "CREATE INDEX plain ON shop_item (id, name)", "DROP INDEX plain")"""
DELETE = 'migrations.DeleteModel("Item")'
REMOVE = 'migrations.RemoveField("item", "name")'
CASES = {
    "price": ([PRICE], ["expand", "contract"]),
    "code": ([CODE], ["expand", "backfill", "contract"]),
    "type": ([TYPE], ["expand", "contract"]),
    "number": ([NUMBER], ["expand", "backfill", "contract"]),
    "index": ([INDEX], ["expand"]),
    "limits": ([CHECK, UNIQUE], ["contract"]),
    "rename": ([RENAME], ["expand", "backfill", "contract"]),
    "owner": ([OWNER], ["expand"]),
    "remove": ([REMOVE], ["expand", "contract"]),
    "delete": ([DELETE], ["expand", "contract"]),
    "many": (
        [INDEX, CODE, CHECK, OWNER],
        ["expand", "backfill", "contract"],
    ),
}


def names(shop: Shop) -> list[str]:
    return sorted(p.stem for p in shop.migrations.glob("0*.py"))


@pytest.mark.parametrize("case", ["many"])
def test_its_phases_are_written_and_apply(opened_shop: Shop, case: str) -> None:
    make_safe_and_apply(opened_shop, case)


@pytest.mark.deep
@pytest.mark.parametrize("case", CASES)
def test_every_kind_is_written_and_applies(opened_shop: Shop, case: str) -> None:
    make_safe_and_apply(opened_shop, case)


def make_safe_and_apply(opened_shop: Shop, case: str) -> None:
    operations, phases = CASES[case]
    opened_shop.add(f"0002_{case}", *operations, after="0001_expand_item", extra=UUIDS)
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('12'), ('7')")

    report = json.loads(opened_shop.succeed("make_safe", "shop", "0002", "--json"))

    assert [f["phase"] for f in report["files"]] == phases
    wanted = [f"{n:04d}_{phase}_{case}" for n, phase in enumerate(phases, 2)]
    assert names(opened_shop) == ["0001_expand_item", *wanted]
    assert f"--- 0002_{case}.py" in report["diff"]
    assert f"+++ {wanted[-1]}.py" in report["diff"]
    assert report["proven"]
    assert report["written"]
    for path in opened_shop.migrations.glob("000[2-9]*.py"):
        assert ast.get_docstring(ast.parse(path.read_text()))
    opened_shop.succeed("safe_migrate", "shop", POLICY={"backup": "none"})
    assert opened_shop.applied()[1:] == wanted


def test_with_dry_run_nothing_is_written(opened_shop: Shop) -> None:
    opened_shop.add("0002_price", PRICE, after="0001_expand_item")
    before = names(opened_shop)

    out = opened_shop.succeed("make_safe", "shop", "0002", "--dry-run")

    assert names(opened_shop) == before
    assert "+    atomic = False" in out
    assert "Not written" in out


def test_a_safe_one_is_left_as_it_is(opened_shop: Shop) -> None:
    opened_shop.add(
        "0002_table",
        'migrations.CreateModel("New", [("id", models.AutoField(primary_key=True))])',
        after="0001_expand_item",
    )

    assert "safe as it is" in opened_shop.succeed("make_safe", "shop", "0002")
    assert "0002_table" in names(opened_shop)


def test_what_no_program_can_write_otherwise_is_named(opened_shop: Shop) -> None:
    opened_shop.add("0002_both", SQL, INDEX, after="0001_expand_item")
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'n' || g FROM generate_series(1, 500) g"
    )

    out = opened_shop.succeed("make_safe", "shop", "0002", "--dry-run")

    assert "AddIndex(" in out
    assert "Still to be careful of:\n  CREATE INDEX blocks writers" in out


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        (["migrations.RunPython(lambda apps, editor: None)"], "RunPython"),
        ([UNIQUE, 'migrations.RemoveConstraint("item", "once")'], "build on one"),
        ([RENAME, 'migrations.RemoveField("item", "title")'], "does not run on a copy"),
        ([KEY], "item.id is a key"),
        ([MODEL], "no program can write it otherwise"),
    ],
)
def test_what_cannot_be_rewritten_is_refused(
    opened_shop: Shop, operations: list[str], words: str
) -> None:
    opened_shop.add("0002_hard", *operations, after="0001_expand_item")
    before = names(opened_shop)

    done = opened_shop.run("make_safe", "shop", "0002")

    assert (done.returncode, names(opened_shop)) == (3, before)
    assert words in done.stderr


def test_what_would_end_otherwise_is_not_written(opened_shop: Shop) -> None:
    """A column leaves in the last phase, when the one that replaces it is there."""
    number = 'migrations.AddField("item", "name", models.IntegerField(null=True))'
    opened_shop.add("0002_replace", REMOVE, number, after="0001_expand_item")
    before = names(opened_shop)

    done = opened_shop.run("make_safe", "shop", "0002")

    assert (done.returncode, names(opened_shop)) == (4, before), done.stderr
    assert "differs at the end" in done.stderr


def test_an_applied_one_and_one_that_others_need_are_refused(
    opened_shop: Shop,
) -> None:
    opened_shop.add("0002_price", PRICE, after="0001_expand_item")
    opened_shop.add("0003_index", INDEX, after="0002_price")

    applied = opened_shop.run("make_safe", "shop", "0001")
    needed = opened_shop.run("make_safe", "shop", "0002")
    early = opened_shop.run("make_safe", "shop", "0003")
    unknown = opened_shop.run("make_safe", "shop", "0009")

    assert "applied already" in applied.stderr
    assert "needed by shop.0003_index" in needed.stderr
    assert "safe_migrate shop 0002_price" in early.stderr
    assert {d.returncode for d in (applied, needed, early, unknown)} == {3}


def test_the_live_schema_is_not_touched(opened_shop: Shop) -> None:
    opened_shop.add("0002_code", CODE, after="0001_expand_item", extra=UUIDS)
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('12')")
    before = opened_shop.columns()

    opened_shop.succeed("make_safe", "shop", "0002")

    assert opened_shop.columns() == before
    assert opened_shop.query("SELECT count(*) FROM shop_item") == [(1,)]
    others = (
        "SELECT count(*) FROM pg_database "
        "WHERE starts_with(datname, current_database() || '_')"
    )
    assert opened_shop.query(others) == [(0,)]
