"""kill -9 in the middle: what is left is known, and the next run makes it whole."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from config.embedded import processes
from tests.outcome import last_run, unchanged, wait_for
from tests.programs import SlowPrograms, wait_for_file
from tests.shop import ADD_PRICE, Shop, program_directory

pytestmark = pytest.mark.postgres_tools

GATE = 4711  # an advisory lock that holds a run up where a test wants it
AT_THE_GATE = (
    "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' "
    f"AND objid = {GATE} AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
EXECUTING = (
    "SELECT count(*) > 0 FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name ~ '^migrationops apply'"
)
WAIT_AT_THE_GATE = f"SELECT pg_advisory_xact_lock({GATE})"
# Deferred to the COMMIT: a run stops in it, with everything done but nothing visible.
GATE_AT_COMMIT = f"""
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NULL; END$$;
CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON django_migrations
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (new.name = '0002_expand_order') EXECUTE FUNCTION wait_at_the_gate();
"""
# The constraint of its foreign key is deferred SQL.
ADD_ORDER = """migrations.CreateModel("Order", [
    ("id", models.BigAutoField(primary_key=True)),
    ("item", models.ForeignKey("shop.Item", models.CASCADE)),
])"""


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop at its first migration, with a second one pending."""
    opened_shop.ops["POLICY"] = {"backup": "none"}
    opened_shop.add("0002_expand_order", ADD_ORDER, after="0001_expand_item")
    return opened_shop


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=60)


def catalog_of_orders(shop: Shop) -> set[str]:
    """Return what there is of the table and its constraints."""
    rows = shop.query(
        "SELECT conname FROM pg_constraint "
        "WHERE conrelid = to_regclass('shop_order') AND contype IN ('p', 'f')"
    )
    return {row[0] for row in rows}


def test_during_the_backup(ready: Shop, tmp_path: Path) -> None:
    programs = SlowPrograms.make(tmp_path / "bin", program_directory())
    ready.ops.update(PG_BIN=[str(programs.directory)], POLICY={})
    backups = ready.directory / "backups"
    with unchanged(ready):
        process = ready.start("safe_migrate")
        dump = int(wait_for_file(programs.started))
        kill(process)

    assert last_run(ready) == ("open", None)
    assert [p.suffix for p in backups.iterdir()] == [".partial"]
    assert "Unfinished runs" in ready.succeed("migration_status")
    assert json.loads(ready.succeed("backups", "list", "--json"))["backups"] == []
    programs.go_on()
    report = json.loads(ready.succeed("safe_migrate", "--json"))
    assert report["backup"]["proof"]["level"] == "decoded"
    assert sorted(p.suffix for p in backups.iterdir()) == [".dump", ".json"]
    assert not processes.alive(dump)
    assert ready.query("SELECT state FROM migrationops_run ORDER BY started_at")[
        -2:
    ] == [("failed",), ("done",)]


@pytest.mark.parametrize(
    "server_sees_it", [True, pytest.param(False, marks=pytest.mark.faults)]
)
def test_at_the_commit_it_is_both_or_neither(ready: Shop, server_sees_it: bool) -> None:
    ready.execute(GATE_AT_COMMIT)
    with ready.connect() as gatekeeper:
        gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
        process = ready.start("safe_migrate")
        wait_for(ready, AT_THE_GATE)
        kill(process)
        if server_sees_it:
            wait_for(
                ready,
                f"SELECT NOT ({AT_THE_GATE[7:]})".replace(
                    "SELECT NOT (", "SELECT NOT (SELECT ", 1
                ),
            )
    wait_for(ready, f"SELECT NOT ({EXECUTING})")

    recorded = "0002_expand_order" in ready.applied()
    assert len(catalog_of_orders(ready)) == (2 if recorded else 0)
    states = ready.query(
        "SELECT state FROM migrationops_step WHERE migration = '0002_expand_order'"
    )
    assert states == [("done" if recorded else "started",)]
    assert not (recorded and server_sees_it)
    ready.execute("DROP FUNCTION wait_at_the_gate CASCADE")
    ready.succeed("safe_migrate")
    assert len(catalog_of_orders(ready)) == 2
    assert ready.applied() == ["0001_expand_item", "0002_expand_order"]


def test_between_the_last_record_and_post_migrate(ready: Shop) -> None:
    ready.variables["AT_POST_MIGRATE"] = WAIT_AT_THE_GATE
    with ready.connect() as gatekeeper:
        gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
        process = ready.start("safe_migrate")
        wait_for(ready, AT_THE_GATE)
        kill(process)
    del ready.variables["AT_POST_MIGRATE"]
    assert ready.applied() == ["0001_expand_item", "0002_expand_order"]
    assert ready.run("migration_status", "--check").returncode == 4
    permissions = (
        "SELECT count(*) FROM auth_permission p JOIN django_content_type t "
        "ON t.id = p.content_type_id WHERE (app_label, model) = ('shop', 'order')"
    )
    assert ready.query(permissions) == [(0,)]

    out = ready.succeed("safe_migrate")

    assert "Finished what a killed run had left" in out
    assert ready.query(permissions) == [(4,)]
    ready.succeed("migration_status", "--check")
    assert "Nothing to do" in ready.succeed("safe_migrate")


def test_in_the_middle_of_a_statement(ready: Shop) -> None:
    """The dead client's statement runs on until the server notices; we wait for it."""
    ready.add(
        "0003_expand_slow",
        'migrations.RunSQL("SELECT pg_sleep(2)")',
        ADD_PRICE,
        after="0002_expand_order",
    )
    process = ready.start("safe_migrate")
    wait_for(
        ready,
        "SELECT count(*) > 0 FROM pg_stat_activity "
        "WHERE datname = current_database() AND query ~ 'pg_slee[p]'",
    )
    kill(process)

    ready.succeed("safe_migrate")

    assert ready.applied()[1:] == ["0002_expand_order", "0003_expand_slow"]
    assert "price" in ready.columns()
    states = ready.query("SELECT state FROM migrationops_run ORDER BY started_at")
    assert states[-2:] == [("failed",), ("done",)]
