"""The runner lock: lost in mid-run, and held by every command that changes data."""

from __future__ import annotations

import pytest

from migrationops.postgres import locks
from tests.outcome import refused, runner_at_work, wait_for
from tests.shop import ADD_PRICE, Shop

GATE = 4712
AT_THE_GATE = (
    "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' "
    f"AND objid = {GATE} AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
WAIT_AT_THE_GATE = f"SELECT pg_advisory_xact_lock({GATE})"
# By the lock that it holds, not by its name: other runs share the database.
HOLDER = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted
  AND (classid::bigint << 32) | objid::bigint = %s
  AND database = (SELECT oid FROM pg_database WHERE datname = 'postgres')
"""


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    return opened_shop


def terminate_the_lock(shop: Shop) -> None:
    """End the session that holds the runner lock, as an administrator would."""
    key = locks.key(str(shop.params["dbname"]))
    ((pid,),) = shop.query(HOLDER, key)
    assert shop.query("SELECT pg_terminate_backend(%s)", pid) == [(True,)]


def test_lost_in_a_migration_it_stops_before_the_next(ready: Shop) -> None:
    gate = f'migrations.RunSQL("{WAIT_AT_THE_GATE}")'
    ready.add("0002_expand_gate", gate, after="0001_expand_item")
    ready.add("0003_expand_price", ADD_PRICE, after="0002_expand_gate")
    with ready.connect() as gatekeeper:
        gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
        process = ready.start("safe_migrate")
        wait_for(ready, AT_THE_GATE)
        terminate_the_lock(ready)
    done = ready.finish(process)

    refused(done, 6, "runner lock was lost", next_="Run manage.py safe_migrate again")
    assert "Applied and recorded in this run: shop.0002_expand_gate." in done.stderr
    assert "Not applied: shop.0003_expand_price." in done.stderr
    assert ready.applied() == ["0001_expand_item", "0002_expand_gate"]
    assert "price" not in ready.columns()
    ready.succeed("safe_migrate")
    assert ready.applied()[-1] == "0003_expand_price"


def test_lost_in_a_non_atomic_migration_it_stops_before_the_next_statement(
    ready: Shop,
) -> None:
    ready.add(
        "0002_expand_steps",
        'migrations.RunSQL("CREATE TABLE first_step (id int)")',
        f'migrations.RunSQL("DO $$BEGIN PERFORM pg_advisory_xact_lock({GATE}); END$$")',
        'migrations.RunSQL("CREATE TABLE third_step (id int)")',
        after="0001_expand_item",
        atomic=False,
    )
    with ready.connect() as gatekeeper:
        gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
        process = ready.start("safe_migrate")
        wait_for(ready, AT_THE_GATE)
        terminate_the_lock(ready)
    done = ready.finish(process)

    refused(done, 6, "runner lock was lost", next_="Run manage.py safe_migrate again")
    assert ready.applied() == ["0001_expand_item"]
    assert ready.columns("first_step") == {"id"}
    assert ready.columns("third_step") == set()


def test_every_command_that_changes_data_takes_it(ready: Shop) -> None:
    ready.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    ready.succeed("backup")
    commands = (
        "safe_migrate shop",
        "backup",
        "backups expire --apply",
        "restore --no-input",
        "seed --env development",
        "resolve_migration shop 0002 --applied",
        f"stamp_environment --env development --name {ready.params['dbname']}",
    )

    with runner_at_work(ready):
        results = ready.run_each(*(c.split() for c in commands), WAIT=0)

    for done in results:
        refused(
            done, 3, "Another runner is at work", "another run", "Nothing was changed"
        )
