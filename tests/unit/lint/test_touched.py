"""Whose rows and columns a plan changes, and what of it nobody can read."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from migrationops.lint.simulation.facts import Facts
from migrationops.lint.simulation.simulate import simulate
from migrationops.lint.simulation.world import World
from migrationops.lint.touched import Touched, touched
from migrationops.operations import Backfill

SCHEMA = """
create table shop_item (id bigint primary key, name text not null);
create table shop_order (id bigint primary key, item_id bigint references shop_item);
create table shop_line (id bigint primary key,
    order_id bigint references shop_order on delete cascade);
create table shop_note (id bigint primary key,
    line_id bigint references shop_line on delete set null);
create table shop_log (id bigint primary key);
"""
FIRST = migrations.CreateModel(
    "Item",
    [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())],
)


def read(*operations: Operation) -> Touched:
    """Read one migration that is pending on the schema."""
    world = World(facts=Facts(version=18), atomic=False)
    simulate(SCHEMA, world)
    world.made.clear()
    loader = MigrationLoader(None, load=False)
    loader.unmigrated_apps, loader.graph = set(), MigrationGraph()
    _add(loader, "0001_first", FIRST)
    _add(loader, "0002_next", *operations)
    loader.graph.add_dependency(None, ("shop", "0002_next"), ("shop", "0001_first"))
    wanted, applied = {("shop", "0002_next")}, {("shop", "0001_first")}
    return touched(wanted, loader, world, alias="default", applied=applied)


def _add(loader: MigrationLoader, name: str, *operations: Operation) -> None:
    migration = migrations.Migration(name, "shop")
    migration.operations = list(operations)
    loader.graph.add_node(("shop", name), migration)


def sql(statement: str) -> migrations.RunSQL:
    return migrations.RunSQL(statement)


@pytest.mark.parametrize(
    ("operation", "tables"),
    [
        (migrations.RemoveField("item", "name"), {"item"}),
        (migrations.DeleteModel("Item"), {"item"}),
        (
            migrations.AlterField("item", "name", models.CharField(max_length=5)),
            {"item"},
        ),
        (migrations.RenameField("item", "name", "label"), {"item"}),
        (sql("UPDATE shop_log SET id = id + 1"), {"log"}),
        (sql("TRUNCATE shop_log"), {"log"}),
        (sql("INSERT INTO shop_log SELECT id FROM shop_item"), {"log"}),
        (sql("DELETE FROM shop_order WHERE id = 1"), {"order", "line", "note"}),
        (sql("ALTER TABLE shop_log SET UNLOGGED"), {"log"}),
        (migrations.AddIndex("item", models.Index(fields=["name"], name="n")), set()),
        (sql("ALTER TABLE shop_log ADD CHECK (id > 0)"), set()),
        (sql("ALTER TABLE shop_order DROP CONSTRAINT shop_order_item_id_fkey"), set()),
        (sql("CREATE TABLE own (i int); INSERT INTO own VALUES (1)"), set()),
        (Backfill("item", {"name": ""}, models.Q(name=None)), {"item"}),
    ],
)
def test_the_tables_are_those_whose_rows_or_columns_change(
    operation: Operation, tables: set[str]
) -> None:
    found = read(operation)
    assert found.tables == {f"public.shop_{name}" for name in tables}
    assert found.unknown == ()


def test_a_table_is_known_by_its_name_before_the_plan() -> None:
    renamed = migrations.AlterModelTable("item", "goods")
    found = read(renamed, migrations.RemoveField("item", "name"))
    assert found.tables == {"public.shop_item"}


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (migrations.RunPython(migrations.RunPython.noop), "is code"),
        (sql("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'shop_log'; END $$"), ""),
        (sql("ALTER SCHEMA public RENAME TO other"), "rename schema"),
        (sql("UPDATE nowhere SET id = 1"), "will fail"),
    ],
)
def test_what_nobody_can_read_is_said(operation: Operation, why: str) -> None:
    (reason,) = read(operation).unknown
    assert reason.startswith("shop.0002_next: ")
    assert why in reason


def test_what_can_be_read_beside_it_is_known_all_the_same() -> None:
    code = migrations.RunPython(migrations.RunPython.noop)
    found = read(code, migrations.RemoveField("item", "name"))
    assert (found.tables, len(found.unknown)) == ({"public.shop_item"}, 1)
