"""What the operations are for: code of both releases goes on while they run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.db import IntegrityError, OperationalError, migrations, models
from django.db.models import Index, Q, UniqueConstraint

from migrationops.exceptions import RefusedError
from migrationops.operations import (
    AddCheck,
    AddFieldWithDefault,
    AddForeignKey,
    AddIndex,
    AddUnique,
    ChangeTypeBackfill,
    ChangeTypeContract,
    ChangeTypeExpand,
    ConstrainField,
    DeleteModel,
    RemoveField,
    RenameFieldBackfill,
    RenameFieldContract,
    RenameFieldExpand,
    SetNotNull,
)
from migrationops.postgres import databases
from tests.integration.operations.ground import APP, SCHEMA, Ground, state_with

if TYPE_CHECKING:
    from django.db.migrations.state import ProjectState

    from migrationops.postgres.databases import Connection

ROWS = 500


def order(**options: Any) -> list[Any]:
    return [
        migrations.CreateModel(
            name="Customer",
            fields=[("id", models.BigAutoField(primary_key=True))],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=40)),
                ("amount", models.IntegerField()),
                ("note", models.TextField(null=True)),
                (
                    "customer",
                    models.ForeignKey(f"{APP}.customer", models.CASCADE, null=True),
                ),
            ],
            options=options,
        ),
    ]


@pytest.fixture
def shop(ground: Ground) -> Ground:
    ground.apply(state_with(), *order())
    ground.run("INSERT INTO shop_customer (id) VALUES (1)")
    ground.run(
        "INSERT INTO shop_order (title, amount, customer_id)"
        " SELECT 't' || g, g, 1 FROM generate_series(1, %s) g",
        [ROWS],
    )
    return ground


@pytest.fixture
def state() -> ProjectState:
    return state_with(*order())


def insert(shop: Ground, **values: Any) -> int:
    columns = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    query = f"INSERT INTO shop_order ({columns}) VALUES ({marks}) RETURNING id"
    return int(shop.run(query, list(values.values()))[0][0])


def test_a_type_changes_under_writers_without_losing_a_write(
    shop: Ground, state: ProjectState
) -> None:
    args: Any = ("order", "amount", models.BigIntegerField())

    expanded = shop.apply(state, ChangeTypeExpand(*args))
    shop.run("UPDATE shop_order SET amount = amount + 1000 WHERE id <= 100")
    filled = shop.apply(expanded, ChangeTypeBackfill(*args))
    new = insert(shop, title="new", amount=7)
    shop.run("UPDATE shop_order SET amount = amount + 5 WHERE id > 400 AND id <= 500")
    shop.apply(filled, ChangeTypeContract(*args))

    huge = insert(shop, title="huge", amount=2**40)
    assert shop.run(
        "SELECT count(*) FROM shop_order WHERE amount IS DISTINCT FROM CASE"
        " WHEN id <= 100 THEN id + 1000 WHEN id <= 400 THEN id"
        " WHEN id <= 500 THEN id + 5 WHEN id = %s THEN 7 WHEN id = %s THEN 2^40 END",
        [new, huge],
    ) == [(0,)]


def test_a_type_goes_back_with_its_values(shop: Ground, state: ProjectState) -> None:
    args: Any = ("order", "amount", models.TextField())
    steps = [kind(*args) for kind in
             (ChangeTypeExpand, ChangeTypeBackfill, ChangeTypeContract)]  # fmt: skip
    shop.apply(state, *steps)
    insert(shop, title="later", amount="4711")

    shop.unapply(state, *steps)

    found = shop.run("SELECT sum(amount) FROM shop_order")
    assert found == [(ROWS * (ROWS + 1) // 2 + 4711,)]


@pytest.mark.parametrize("dependent", ["VIEW", "MATERIALIZED VIEW"])
def test_a_type_is_refused_when_something_hangs_on_it(
    shop: Ground, state: ProjectState, dependent: str
) -> None:
    shop.run(f"CREATE {dependent} seen AS SELECT amount FROM shop_order")
    before = shop.catalog()

    with pytest.raises(RefusedError, match="seen"):
        shop.apply(state, ChangeTypeExpand("order", "amount", models.BigIntegerField()))

    assert shop.catalog() == before


def test_a_renamed_field_is_the_same_to_both_releases(
    shop: Ground, state: ProjectState
) -> None:
    names = ("order", "title", "name")
    state = shop.apply(state, RenameFieldExpand(*names))
    by_old = insert(shop, title="old", amount=1)
    by_new = insert(shop, name="new", amount=1)
    shop.run("UPDATE shop_order SET title = 'changed' WHERE id = 1")
    shop.run("UPDATE shop_order SET amount = 0 WHERE id = 2")
    state = shop.apply(state, RenameFieldBackfill(*names))
    shop.run("UPDATE shop_order SET name = 'by new' WHERE id = 3")
    shop.run("UPDATE shop_order SET title = 'by old' WHERE id = 4")

    both = dict(shop.run("SELECT id, title FROM shop_order"))
    assert both == dict(shop.run("SELECT id, name FROM shop_order"))
    assert [both[i] for i in (1, 2, 3, 4, 5, by_old, by_new)] == [
        "changed", "t2", "by new", "by old", "t5", "old", "new",
    ]  # fmt: skip
    shop.apply(state, RenameFieldContract(*names))
    assert both == dict(shop.run("SELECT id, name FROM shop_order"))
    with pytest.raises(IntegrityError):
        insert(shop, name=None, amount=1)


def test_a_renamed_field_goes_back_with_its_values(
    shop: Ground, state: ProjectState
) -> None:
    names = ("order", "title", "name")
    steps = [kind(*names) for kind in
             (RenameFieldExpand, RenameFieldBackfill, RenameFieldContract)]  # fmt: skip
    before = shop.run("SELECT id, title FROM shop_order ORDER BY id")
    shop.apply(state, *steps)

    shop.unapply(state, *steps)

    assert shop.run("SELECT id, title FROM shop_order ORDER BY id") == before


def test_the_code_still_running_inserts_without_a_new_field(
    shop: Ground, state: ProjectState
) -> None:
    field = models.IntegerField(default=7)

    shop.apply(state, AddFieldWithDefault("order", "stars", field))

    new = insert(shop, title="old code", amount=1)
    found = shop.run("SELECT DISTINCT stars FROM shop_order")
    assert (new, found) == (ROWS + 1, [(7,)])


def test_a_default_a_row_is_refused_when_it_would_rewrite(
    shop: Ground, state: ProjectState
) -> None:
    field = models.UUIDField(db_default=RandomUUID())

    with pytest.raises(RefusedError, match="row to row"):
        shop.apply(state, AddFieldWithDefault("order", "code", field))

    nullable = models.UUIDField(db_default=RandomUUID(), null=True)
    file_node = "SELECT relfilenode FROM pg_class WHERE oid = 'shop_order'::regclass"
    before = shop.run(file_node)
    shop.apply(state, AddFieldWithDefault("order", "code", nullable))
    insert(shop, title="x", amount=1)
    assert shop.run(file_node) == before
    assert shop.run("SELECT count(code) FROM shop_order") == [(1,)]


def test_code_that_forgot_a_field_inserts_and_deletes_parents(
    shop: Ground, state: ProjectState
) -> None:
    title, customer = RemoveField("order", "title"), RemoveField("order", "customer")

    shop.apply(state, title, customer)

    insert(shop, amount=1)
    shop.run("DELETE FROM shop_customer")


def test_code_that_forgot_a_model_deletes_its_parents(
    shop: Ground, state: ProjectState
) -> None:
    shop.apply(state, DeleteModel("Order"))

    shop.run("DELETE FROM shop_customer")

    assert shop.run("SELECT count(*) FROM shop_order") == [(ROWS,)]


def test_rows_that_break_a_constraint_are_named_and_the_rest_can_be_mended(
    shop: Ground, state: ProjectState
) -> None:
    """New rows are held to it at once; run again once the old ones are."""
    check = AddCheck(
        "order", models.CheckConstraint(condition=Q(amount__lt=500), name="small")
    )
    with pytest.raises(IntegrityError, match="small"):
        shop.apply(state, check)
    with pytest.raises(IntegrityError, match="small"):
        insert(shop, title="big", amount=1000)

    shop.run("UPDATE shop_order SET amount = 1 WHERE amount >= 500")
    shop.apply(state, check)

    query = "SELECT convalidated FROM pg_constraint WHERE conname = 'small'"
    assert shop.run(query) == [(True,)]


def test_an_index_that_a_kill_left_invalid_is_built_anew(
    shop: Ground, state: ProjectState
) -> None:
    """A writer's open transaction holds the build until it is terminated."""
    operation = AddIndex("order", Index(fields=["note"], name="by_note"))
    pid = shop.run("SELECT pg_backend_pid()")[0][0]
    with (
        databases.connect("default", autocommit=False) as writer,
        databases.connect("default") as other,
    ):
        writer.execute(f"UPDATE {SCHEMA}.shop_order SET amount = 2 WHERE id = 1")
        killer = threading.Thread(target=terminate_when_waiting, args=[other, pid])
        killer.start()
        with pytest.raises(OperationalError):
            shop.apply(state, operation)
        killer.join()
    shop.connection.close()
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_note'::regclass"
    assert shop.run(valid) == [(False,)]

    shop.apply(state, operation)

    assert shop.run(valid) == [(True,)]


def terminate_when_waiting(connection: Connection, pid: int) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
    while connection.execute(waiting, [pid]).fetchone() is None:
        pass
    connection.execute("SELECT pg_terminate_backend(%s)", [pid])


def test_duplicates_leave_nothing_that_running_again_keeps(
    shop: Ground, state: ProjectState
) -> None:
    shop.run("UPDATE shop_order SET amount = 1 WHERE id <= 2")
    unique = AddUnique("order", UniqueConstraint(fields=["amount"], name="once"))
    with pytest.raises(IntegrityError):
        shop.apply(state, unique)

    shop.run("UPDATE shop_order SET amount = -1 WHERE id = 1")
    shop.apply(state, unique)

    query = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'once'::regclass"
    assert shop.run(query) == [(True,)]
    with pytest.raises(IntegrityError):
        insert(shop, title="twice", amount=3)


OPERATIONS = [
    SetNotNull("order", "note", models.TextField()),
    AddIndex("order", Index(fields=["note"], name="i")),
    ConstrainField("order", "note", models.TextField(null=True, db_index=True)),
    AddForeignKey(
        "order", "payer",
        models.ForeignKey(f"{APP}.customer", models.CASCADE, related_name="+",
                          null=True)),
    ChangeTypeExpand("order", "amount", models.BigIntegerField()),
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: type(o).__name__)
def test_an_atomic_migration_is_refused_before_anything(
    shop: Ground, state: ProjectState, operation: Any
) -> None:
    before = shop.catalog()
    after = state.clone()
    operation.state_forwards(APP, after)

    with (
        shop.connection.schema_editor(atomic=True) as editor,
        pytest.raises(RefusedError) as caught,
    ):
        operation.database_forwards(APP, editor, state, after)

    assert "atomic = False" in caught.value.remedy
    assert shop.catalog() == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: type(o).__name__)
def test_every_statement_names_the_schema(
    shop: Ground, state: ProjectState, operation: Any
) -> None:
    """A later search_path does not lead a replayed statement astray."""
    shop.run("UPDATE shop_order SET note = ''")
    with shop.killed_at(-1) as ran:
        shop.apply(state, operation)

    assert ran
    assert all(f'"{SCHEMA}"."shop_order' in statement for statement in ran)


def test_changes_beyond_the_operation_are_refused(
    shop: Ground, state: ProjectState
) -> None:
    wider = models.CharField(max_length=99, unique=True)
    for operation in (
        SetNotNull("order", "title", wider),
        ConstrainField("order", "title", wider),
        ChangeTypeContract("order", "title", wider),
    ):
        with pytest.raises(RefusedError, match="nothing was changed"):
            shop.apply(state, operation)


def test_a_column_keeps_what_hangs_on_several_columns(ground: Ground) -> None:
    """Indexes by expression, in part and over two columns survive the exchange."""
    ground.apply(state_with(), *order())
    ground.run(
        "CREATE INDEX expr ON shop_order ((amount + 1), title DESC) WHERE amount > 3;"
        "CREATE UNIQUE INDEX two ON shop_order (title, amount) INCLUDE (note)"
        " NULLS NOT DISTINCT;"
        "ALTER TABLE shop_order ADD CONSTRAINT c CHECK (amount > 0 OR title = ' WHERE')"
        ", ADD CONSTRAINT u UNIQUE (amount, id) DEFERRABLE INITIALLY DEFERRED"
    )
    before = ground.catalog()
    args: Any = ("order", "amount", models.BigIntegerField())
    steps = [kind(*args) for kind in
             (ChangeTypeExpand, ChangeTypeBackfill, ChangeTypeContract)]  # fmt: skip
    ground.apply(state_with(*order()), migrations.AlterField(*args))
    wanted = ground.catalog()
    ground.run("ALTER TABLE shop_order ALTER amount TYPE int")
    assert ground.catalog() == before

    ground.apply(state_with(*order()), *steps)
    assert ground.catalog() == wanted
    ground.unapply(state_with(*order()), *steps)
    assert ground.catalog() == before
