"""Indexes and keys of a partitioned table, made partition by partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, migrations, models
from django.db.models import Index, UniqueConstraint
from django.db.utils import OperationalError

from migrationops import operations as safe
from migrationops.exceptions import RefusedError
from migrationops.postgres.statements import StatementClass, classify
from tests.integration.operations.ground import APP, SCHEMA, Ground, state_with

if TYPE_CHECKING:
    from django.db.migrations.state import ProjectState

TABLES = """
CREATE TABLE shop_customer (id bigint PRIMARY KEY);
CREATE TABLE shop_order (id bigint NOT NULL, note text, region int NOT NULL)
  PARTITION BY LIST (region);
CREATE TABLE north PARTITION OF shop_order FOR VALUES IN (1);
CREATE TABLE south PARTITION OF shop_order FOR VALUES IN (2, 3)
  PARTITION BY LIST (region);
CREATE TABLE deep PARTITION OF south FOR VALUES IN (2);
INSERT INTO shop_customer SELECT generate_series(1, 10);
INSERT INTO shop_order SELECT g, 'note', 1 + g % 2 FROM generate_series(1, 100) g;
"""
MODELS = [
    migrations.CreateModel(
        "Customer", [("id", models.BigIntegerField(primary_key=True))]
    ),
    migrations.CreateModel(
        "Order",
        [
            ("id", models.BigIntegerField(primary_key=True)),
            ("note", models.TextField(null=True)),
            ("region", models.IntegerField()),
        ],
    ),
]  # fmt: skip
KEY = models.ForeignKey(f"{APP}.customer", models.CASCADE, null=True, related_name="+")
OPERATIONS: dict[str, Any] = {
    "index": safe.AddIndex("order", Index(fields=["note"], name="by_note")),
    "unique": safe.AddUnique(
        "order", UniqueConstraint(fields=["id", "region"], name="once")
    ),
    "foreign key": safe.AddForeignKey("order", "buyer", KEY),
    "not null": safe.SetNotNull("order", "note", models.TextField()),
}
PLAIN: dict[str, Any] = {
    "index": migrations.AddIndex("order", OPERATIONS["index"].index),
    "unique": migrations.AddConstraint("order", OPERATIONS["unique"].constraint),
    "foreign key": migrations.AddField("order", "buyer", KEY),
    "not null": migrations.AlterField("order", "note", models.TextField()),
}


@pytest.fixture
def state() -> ProjectState:
    return state_with(*MODELS)


@pytest.fixture
def shop(ground: Ground) -> Ground:
    ground.run(TABLES)
    return ground


def parts(shop: Ground) -> dict[str, Any]:
    """Return what the tables have, without the names of the partitions' own parts."""
    found = shop.catalog()
    partitions = ("north", "south", "deep")
    return {
        "columns": found["column"],
        "constraints": sorted(
            (table, "" if table in partitions else name, *rest)
            for table, name, *rest in found["constraint"]
        ),
        "indexes": sorted(
            (table, "" if table in partitions else definition, *rest)
            for table, definition, *rest in found["index"]
        ),
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_it_ends_as_djangos_operation_does(
    shop: Ground, state: ProjectState, name: str
) -> None:
    before = parts(shop)
    shop.apply(state, PLAIN[name])
    wanted = parts(shop)
    shop.make()
    shop.run(TABLES)

    shop.apply(state, OPERATIONS[name])

    assert parts(shop) == wanted
    shop.unapply(state, OPERATIONS[name])
    assert parts(shop) == before


@pytest.mark.parametrize("name", ["index", "unique", "foreign key"])
def test_killed_at_every_statement_it_still_ends(
    shop: Ground, state: ProjectState, name: str
) -> None:
    shop.apply(state, PLAIN[name])
    wanted = parts(shop)
    shop.make()
    shop.run(TABLES)
    for point in range(20):
        with shop.killed_at(point) as ran:
            try:
                shop.apply(state, OPERATIONS[name])
            except OperationalError:
                connection.close()
                continue
        break

    assert point > 3, ran
    assert parts(shop) == wanted


def test_no_partition_gets_an_index_under_a_blocking_lock(
    shop: Ground, state: ProjectState
) -> None:
    with shop.killed_at(-1) as ran:
        shop.apply(state, OPERATIONS["index"])

    builds = [s for s in ran if s.startswith("CREATE INDEX")]
    concurrent = [s for s in builds if classify(s) is StatementClass.CONCURRENT]
    assert len(concurrent) == 2
    assert all(" ON ONLY " in s for s in builds if s not in concurrent)


def test_a_partition_made_meanwhile_has_the_index_too(
    shop: Ground, state: ProjectState
) -> None:
    """The parent's own index comes first, and a new partition gets a copy of it."""
    with shop.killed_at(1), pytest.raises(OperationalError):
        shop.apply(state, OPERATIONS["index"])
    connection.close()
    shop.run("CREATE TABLE west PARTITION OF shop_order FOR VALUES IN (4)")

    shop.apply(state, OPERATIONS["index"])

    valid = shop.run(
        "SELECT bool_and(indisvalid), count(*) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indrelid WHERE relnamespace = %s::regnamespace "
        "AND pg_get_indexdef(indexrelid) LIKE '%%(note)'",
        [SCHEMA],
    )
    assert valid == [(True, 5)]


def test_a_type_is_refused_with_what_to_do(shop: Ground, state: ProjectState) -> None:
    change = safe.ChangeTypeExpand("order", "region", models.BigIntegerField())

    with pytest.raises(RefusedError, match="the table is partitioned") as caught:
        shop.apply(state, change)

    assert "AlterField" in caught.value.remedy
