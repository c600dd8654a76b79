"""Atomic migrations: retried from a fresh state, and never half of one in silence."""

from __future__ import annotations

import psycopg
import pytest

from tests.outcome import last_run, refused, unchanged
from tests.shop import ADD_PRICE, Shop

ADD_ORDER = """migrations.CreateModel("Order", [
    ("id", models.BigAutoField(primary_key=True)),
    ("item", models.ForeignKey("shop.Item", models.CASCADE)),
])"""
RENAME = 'migrations.RenameField("item", "name", "title")'
# No table is named, so nobody is looked for before: it queues, and gives up.
QUEUE = 'migrations.RunSQL("DO $$BEGIN LOCK TABLE gate; END$$")'
REMOVE = 'migrations.RemoveField("item", "title")'
ROLL_BACK = """
def change(apps, schema_editor):
    from django.db import transaction

    transaction.set_rollback(True, using=schema_editor.connection.alias)
"""

COMMIT = """
def change(apps, schema_editor):
    schema_editor.connection.connection.commit()
    {last}
"""


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    opened_shop.ops["POLICY"] = {"backup": "none", "lock_timeout": 0.1}
    return opened_shop


# Before a first statement who is in the way is waited for, and nothing is tried.
FREE = 'migrations.RunSQL("CREATE TABLE free ()")'


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([FREE, RENAME, REMOVE], id="state"),
        pytest.param([ADD_ORDER], id="deferred SQL"),
    ],
)
def test_a_second_try_begins_afresh(ready: Shop, operations: list[str]) -> None:
    """The state of a failed try is changed, and its deferred SQL is still listed."""
    ready.add("0002_expand_more", *operations, QUEUE, after="0001_expand_item")
    ready.execute("CREATE TABLE gate ()")
    with ready.connect(autocommit=False) as other:
        other.execute("LOCK TABLE gate IN ROW EXCLUSIVE MODE")
        process = ready.start("safe_migrate")
        assert process.stderr is not None
        while "tries again" not in process.stderr.readline():
            assert process.poll() is None
        assert ready.applied() == ["0001_expand_item"]
        other.rollback()
    done = ready.finish(process)

    assert done.returncode == 0, done.stderr
    assert ready.applied() == ["0001_expand_item", "0002_expand_more"]
    assert ready.query(
        "SELECT tries > 1, state FROM migrationops_step "
        "WHERE migration = '0002_expand_more'"
    ) == [(True, "done")]
    if ADD_ORDER in operations:
        assert ready.query(
            "SELECT convalidated FROM pg_constraint "
            "WHERE conrelid = 'shop_order'::regclass AND contype = 'f'"
        ) == [(True,)]


@pytest.mark.parametrize(
    ("operation", "extra", "text"),
    [
        ('migrations.RunSQL("COMMIT")', "", "would end its own transaction"),
        (
            'migrations.RunSQL("CREATE TABLE mine (id int); COMMIT; BEGIN")',
            "",
            "would end its own transaction",
        ),
        ('migrations.RunSQL(["ROLLBACK"])', "", "would end its own transaction"),
        ("migrations.RunPython(change)", ROLL_BACK, "asked for a rollback"),
    ],
)
def test_a_migration_that_would_end_its_transaction_changes_nothing(
    ready: Shop, operation: str, extra: str, text: str
) -> None:
    ready.add(
        "0002_expand_fence", ADD_PRICE, operation, after="0001_expand_item", extra=extra
    )

    with unchanged(ready):
        done = ready.run("safe_migrate")

    refused(done, 5, text, "as before the run", next_="Correct it")
    assert last_run(ready) == ("failed", 5)


@pytest.mark.parametrize(
    ("last", "text"),
    [
        ("pass", "ended its own transaction"),
        ("raise RuntimeError('too late')", "failed, and yet its transaction is commit"),
    ],
)
def test_a_migration_that_ended_its_transaction_needs_a_person(
    ready: Shop, last: str, text: str
) -> None:
    """Past Django, where no statement of it can be seen before it is run."""
    ready.add(
        "0002_expand_fence",
        ADD_PRICE,
        "migrations.RunPython(change)",
        after="0001_expand_item",
        extra=COMMIT.format(last=last),
    )
    ready.add("0003_expand_more", after="0002_expand_fence")

    done = ready.run("safe_migrate")

    refused(done, 6, text)
    assert (
        "Applied and recorded in this run: none. Not applied: shop.000" in done.stderr
    )
    assert "price" in ready.columns()
    assert ready.applied() == ["0001_expand_item"]
    assert last_run(ready) == ("failed", 6)


def test_a_session_that_is_terminated_is_rolled_back(ready: Shop) -> None:
    suicide = 'migrations.RunSQL("SELECT pg_terminate_backend(pg_backend_pid())")'
    ready.add("0002_expand_gone", ADD_PRICE, suicide, after="0001_expand_item")

    with unchanged(ready):
        done = ready.run("safe_migrate")

    refused(done, 5, "terminating connection", "as before the run", next_="Correct it")


def test_rows_that_break_a_constraint_at_the_commit(ready: Shop) -> None:
    ready.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    ready.execute(
        "CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
    )
    insert = 'migrations.RunSQL("INSERT INTO child VALUES (1)")'
    ready.add("0002_expand_orphan", ADD_PRICE, insert, after="0001_expand_item")

    done = ready.run("safe_migrate")

    refused(done, 5, "violates foreign key constraint", "as before the run")
    assert ready.applied() == ["0001_expand_item"]
    assert "price" not in ready.columns()
    assert last_run(ready) == ("failed", 5)


def test_signals_come_as_from_migrate(shop: Shop) -> None:
    """Same order, same apps, same plan, same models, by both commands."""
    shop.ops["POLICY"] = {"backup": "none"}
    shop.add("0002_expand_order", ADD_ORDER, after="0001_expand_item")
    heard = {}
    for command in ("safe_migrate", "migrate"):
        with psycopg.connect(**shop.params, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        log = shop.directory / f"{command}.log"
        shop.variables["SIGNALS"] = str(log)
        shop.succeed(command)
        heard[command] = log.read_text()

    assert heard["safe_migrate"] == heard["migrate"]
    assert '"pre"' in heard["migrate"]
    assert "shop.Order" in heard["migrate"]
