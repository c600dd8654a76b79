"""A run that fails half way under the policy "restore": taken back, or left."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.gate import Gate
from tests.outcome import refused, standing
from tests.roles import needs_createdb, needs_superuser
from tests.shop import Shop

pytestmark = pytest.mark.postgres_tools

GATE = Gate(4715)
NO_WAY_BACK = 'migrations.RunSQL("CREATE TABLE plain (id int)")'
DELETE = """
def delete(apps, schema_editor):
    alias = schema_editor.connection.alias
    apps.get_model("shop", "Item").objects.using(alias).filter(id__lte=50).delete()
"""
STEPS = 'migrations.RunSQL("CREATE TABLE half (id int)")'
FAILS = 'migrations.RunSQL("SELECT 1/0")'
OID = "SELECT oid FROM pg_database WHERE datname = %s"
END_WAITING = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE relation = 'django_migrations'::regclass AND NOT granted
"""
ITEMS = "SELECT count(*), sum(id) FROM shop_item"


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop whose deploy deletes rows, and then fails half way."""
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'n' || g FROM generate_series(1, 200) g"
    )
    opened_shop.ops["POLICY"] = {"backup": "decoded", "on_failure": "restore"}
    opened_shop.add("0002_contract_plain", NO_WAY_BACK, after="0001_expand_item")
    opened_shop.add(
        "0003_contract_items",
        "migrations.RunPython(delete)",
        after="0002_contract_plain",
        extra=DELETE,
    )
    return opened_shop


def fail(shop: Shop, *before: str) -> None:
    """Write the migration that fails half way."""
    shop.add(
        "0004_contract_half",
        *before,
        STEPS,
        FAILS,
        after="0003_contract_items",
        atomic=False,
    )


@needs_superuser("restores an extension and an event trigger")
def test_what_nobody_else_has_written_to_is_restored(ready: Shop) -> None:
    fail(ready)
    before, items = standing_by_name(ready), ready.query(ITEMS)

    done = ready.run("safe_migrate")

    refused(done, 5, "was restored", "as before the run", next_="Correct it")
    assert standing_by_name(ready) == before
    assert ready.query(ITEMS) == items
    (state,) = ready.query(
        "SELECT state, exit_code, error ~ 'restored' FROM migrationops_run "
        "ORDER BY started_at DESC LIMIT 1"
    )
    assert state == ("failed", 5, True)
    ready.add("0004_contract_half", STEPS, after="0003_contract_items", atomic=False)
    ready.succeed("safe_migrate")
    assert ready.query(ITEMS) == [(150, items[0][1] - sum(range(1, 51)))]


@needs_createdb
def test_what_another_wrote_is_not_lost(ready: Shop) -> None:
    fail(ready, GATE.operation)
    with GATE.closed(ready):
        process = ready.start("safe_migrate")
        GATE.wait(ready)
        ready.execute("INSERT INTO shop_item (name) VALUES ('theirs')")
    done = ready.finish(process)

    refused(done, 6, "Its backup was not restored", "at most 1 row", "--accept-loss 1")
    assert ready.query("SELECT count(*) FROM shop_item WHERE name = 'theirs'") == [(1,)]
    assert ready.applied()[-1] == "0003_contract_items"


@needs_superuser("restores an extension and an event trigger")
@pytest.mark.faults
def test_what_fails_after_the_swap_is_a_warning(ready: Shop) -> None:
    """The backup is restored all the same, and nobody is told otherwise."""
    fail(ready)
    before = standing_by_name(ready)
    process = ready.start("safe_migrate")
    end_who_waits_for_the_records(ready)
    done = ready.finish(process)

    refused(
        done, 5, "was restored", "Warning: migrationops' own tables", next_="Correct it"
    )
    assert standing_by_name(ready) == before
    ready.succeed("migration_status")


def end_who_waits_for_the_records(shop: Shop) -> None:
    """Lock them in the database that was just swapped in; end who first waits."""
    name = shop.params["dbname"]
    with shop.connect(dbname="postgres") as connection:
        live = connection.execute(OID, [name]).fetchone()
        until(lambda: connection.execute(OID, [name]).fetchone() not in (live, None))
    with shop.connect() as connection:
        connection.execute("BEGIN; LOCK TABLE django_migrations")
        until(lambda: connection.execute(END_WAITING).fetchone() is not None)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def standing_by_name(shop: Shop) -> set[tuple[object, ...]]:
    """Return tables and records; a restored table has another file."""
    return {(row[0], row[1], row[3]) for row in standing(shop)}


@pytest.mark.faults
def test_what_a_person_restored_is_not_resumed(ready: Shop) -> None:
    """The half-applied migration is gone with the database that it was applied to."""
    ready.ops["POLICY"] = {"backup": "decoded"}
    fail(ready)
    before = standing_by_name(ready)
    assert ready.run("safe_migrate").returncode == 6

    ready.succeed("restore", "--no-input", "--accept-loss", "all")

    assert standing_by_name(ready) == before
    ready.add("0004_contract_half", STEPS, after="0003_contract_items", atomic=False)
    ready.succeed("safe_migrate")
    assert ready.applied()[-1] == "0004_contract_half"
