"""safe_migrate as an operator meets it: real processes on a real server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.outcome import refused, runner_at_work, unchanged
from tests.shop import ADD_PRICE, BROKEN, Shop

NO_BACKUP = {"POLICY": {"backup": "none"}}


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop at its first migration, with a second one pending."""
    opened_shop.ops.update(NO_BACKUP)
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    return opened_shop


def test_a_new_database_is_migrated_and_stamped(shop: Shop) -> None:
    report = json.loads(shop.succeed("safe_migrate", "--json", **NO_BACKUP))

    assert report["outcome"] == "applied"
    assert shop.applied() == ["0001_expand_item"]
    assert shop.query("SELECT environment FROM migrationops_stamp") == [
        ("development",)
    ]


def test_nothing_to_do_exits_0_and_records_no_run(ready: Shop) -> None:
    ready.succeed("safe_migrate")
    runs = ready.query("SELECT count(*) FROM migrationops_run")

    assert "Nothing to do" in ready.succeed("safe_migrate")
    assert ready.query("SELECT count(*) FROM migrationops_run") == runs


def test_nothing_to_do_imports_nothing_of_a_run(ready: Shop) -> None:
    """Most deploys have nothing to do, and wait for these imports then."""
    ready.succeed("safe_migrate")
    program = (
        "import sys; from django.core.management import execute_from_command_line as x;"
        "x(['manage.py', 'safe_migrate']); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env=ready.environ(),
        cwd=ready.directory,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Nothing to do" in loaded
    heavy = {
        "django.db.migrations.autodetector",
        "migrationops.backups.take",
        "migrationops.executor.runner",
        "migrationops.rehearsal",
        "migrationops.workflows.stages",
        "postgast",
        "tqdm",
    }
    assert heavy.isdisjoint(loaded.split())


def test_plan_changes_nothing(shop: Shop) -> None:
    out = shop.succeed("safe_migrate", "--plan", **NO_BACKUP)

    assert "shop.0001_expand_item" in out
    assert shop.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (0,)
    ]


def test_history_has_the_run_its_plan_and_its_steps(ready: Shop) -> None:
    report = json.loads(ready.succeed("safe_migrate", "--json"))

    assert ready.query(
        "SELECT state, exit_code, fingerprint FROM migrationops_run WHERE id = %s",
        report["run"],
    ) == [("done", 0, report["plan"]["fingerprint"])]
    steps = ready.query(
        "SELECT label, state FROM migrationops_step WHERE run_id = %s ORDER BY number",
        report["run"],
    )
    assert ("shop.0002_expand_price", "done") in steps
    assert {state for _, state in steps} == {"done"}


def test_permissions_are_there_as_after_migrate(ready: Shop) -> None:
    assert ready.query(
        "SELECT p.codename FROM auth_permission p "
        "JOIN django_content_type t ON t.id = p.content_type_id "
        "WHERE (t.app_label, t.model) = ('shop', 'item') ORDER BY 1"
    ) == [("add_item",), ("change_item",), ("delete_item",), ("view_item",)]


def test_a_failing_first_migration_leaves_everything_as_before(ready: Shop) -> None:
    ready.add("0003_expand_broken", ADD_PRICE, BROKEN, after="0001_expand_item")
    (ready.migrations / "0002_expand_price.py").unlink()

    done = ready.run("safe_migrate")

    assert done.returncode == 5
    assert "division by zero" in done.stderr
    assert ready.applied() == ["0001_expand_item"]
    assert "price" not in ready.columns()
    assert "Unfinished" not in ready.succeed("migration_status")


def test_a_failure_in_mid_run_names_what_stays_and_the_next_run_continues(
    ready: Shop,
) -> None:
    ready.add("0003_expand_broken", BROKEN, after="0002_expand_price")

    done = ready.run("safe_migrate")

    assert done.returncode == 6
    assert "Applied and recorded in this run: shop.0002_expand_price" in done.stderr
    assert "Not applied: shop.0003_expand_broken" in done.stderr
    ready.add("0003_expand_broken", after="0002_expand_price")
    ready.succeed("safe_migrate")
    assert ready.applied()[-1] == "0003_expand_broken"


def test_an_operation_that_refuses_in_mid_run_is_told_as_a_failure(ready: Shop) -> None:
    refuse = (
        "from migrationops.exceptions import RefusedError\n"
        "def refuse(apps, schema_editor):\n"
        "    raise RefusedError('It may not.', remedy='Another.')\n"
    )
    ready.add(
        "0003_expand_refused",
        "migrations.RunPython(refuse)",
        after="0002_expand_price",
        extra=refuse,
    )

    done = ready.run("safe_migrate")

    refused(done, 6, "in this run: shop.0002_expand_price.", "It may not", "Another.")
    assert ready.applied()[-1] == "0002_expand_price"


def test_a_squash_of_what_is_applied_is_recorded(ready: Shop) -> None:
    ready.succeed("safe_migrate")
    ready.write(
        "0001_squashed_0002_expand_price",
        "from django.db import migrations\n\n\n"
        "class Migration(migrations.Migration):\n"
        "    replaces = [('shop', '0001_expand_item'), ('shop', '0002_expand_price')]\n"
        "    operations = []\n",
    )

    assert "Nothing to do" in ready.succeed("safe_migrate")

    assert ready.applied()[-1] == "0001_squashed_0002_expand_price"


def test_a_lock_held_by_someone_else_is_waited_for(ready: Shop) -> None:
    policy = {"backup": "none", "lock_timeout": 0.1}
    with ready.connect(autocommit=False) as other:
        other.execute("LOCK TABLE shop_item IN ACCESS SHARE MODE")
        process = ready.start("safe_migrate", POLICY=policy)
        assert process.stderr is not None
        seen = next(line for line in process.stderr if "not queued yet" in line)
        other.rollback()
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, seen + err
    assert "tries again" not in err
    assert "price" in ready.columns()


@pytest.mark.faults
def test_the_outage_budget_ends_the_waiting(ready: Shop) -> None:
    with ready.connect(autocommit=False) as other:
        other.execute("LOCK TABLE shop_item IN ACCESS SHARE MODE")
        policy = {"backup": "none", "lock_timeout": 1, "outage_budget": 1.5}
        done = ready.run("safe_migrate", POLICY=policy)

    assert done.returncode == 5
    assert "lock timeout" in done.stderr
    assert "Held up by" in done.stderr
    assert "price" not in ready.columns()


def test_two_runs_at_once_apply_once(ready: Shop) -> None:
    ready.add(
        "0003_expand_slow",
        'migrations.RunSQL("SELECT pg_sleep(1)")',
        after="0002_expand_price",
    )
    processes = [ready.start("safe_migrate", "--wait", "60") for _ in range(2)]
    for process in processes:
        process.communicate(timeout=60)

    assert [p.returncode for p in processes] == [0, 0]
    assert ready.applied() == [
        "0001_expand_item",
        "0002_expand_price",
        "0003_expand_slow",
    ]


def test_a_loser_that_may_not_wait_is_refused(ready: Shop) -> None:
    with runner_at_work(ready), unchanged(ready):
        done = ready.run("safe_migrate", "--wait", "0")

    refused(done, 3, "Another runner is at work", "another run", next_="Run the same")


def test_a_database_with_tables_and_no_stamp_is_refused(shop: Shop) -> None:
    shop.execute("CREATE TABLE precious (id int)")

    refused = shop.run("safe_migrate", **NO_BACKUP)

    assert refused.returncode == 3
    assert "stamp_environment --env development" in refused.stderr
    name = str(shop.params["dbname"])
    shop.succeed("stamp_environment", "--env", "development", "--name", name)
    shop.succeed("safe_migrate", **NO_BACKUP)


def test_settings_of_another_environment_are_refused(ready: Shop) -> None:
    done = ready.run(
        "safe_migrate", ENVIRONMENT="staging", SIGNING_KEYS=["k"], **NO_BACKUP
    )

    assert done.returncode == 3
    assert "stamped development" in done.stderr


def test_policy_reverse_takes_this_runs_migrations_back(ready: Shop) -> None:
    ready.add("0003_expand_broken", BROKEN, after="0002_expand_price")

    done = ready.run("safe_migrate", POLICY={"backup": "none", "on_failure": "reverse"})

    assert done.returncode == 5
    assert "reversed: shop.0002_expand_price" in done.stderr
    assert "Unfinished" not in ready.succeed("migration_status")
    assert ready.applied() == ["0001_expand_item"]
    assert "price" not in ready.columns()


def test_policy_reverse_takes_a_squash_back_with_what_it_replaces(ready: Shop) -> None:
    ready.write(
        "0002_squashed_0003",
        "from django.db import migrations\n\n\n"
        "class Migration(migrations.Migration):\n"
        "    dependencies = [('shop', '0001_expand_item')]\n"
        "    replaces = [('shop', '0002_expand_a'), ('shop', '0003_expand_b')]\n"
        "    operations = [migrations.RunSQL('CREATE TABLE s ()', 'DROP TABLE s')]\n",
    )
    ready.add("0002_expand_price", BROKEN, after="0002_squashed_0003")

    done = ready.run("safe_migrate", POLICY={"backup": "none", "on_failure": "reverse"})

    refused(done, 5, "reversed: shop.0002_squashed_0003", next_="Correct it")
    assert ready.applied() == ["0001_expand_item"]


def test_a_way_back_that_fails_names_only_what_stays(ready: Shop) -> None:
    ready.add(
        "0002_expand_price",
        "migrations.RunSQL('CREATE TABLE a ()', 'SELECT 1/0')",
        after="0001_expand_item",
    )
    ready.add(
        "0003_expand_b",
        "migrations.RunSQL('CREATE TABLE b ()', 'DROP TABLE b')",
        after="0002_expand_price",
    )
    ready.add("0004_expand_broken", BROKEN, after="0003_expand_b")

    done = ready.run("safe_migrate", POLICY={"backup": "none", "on_failure": "reverse"})

    assert done.returncode == 6
    assert "Applied and recorded in this run: shop.0002_expand_price." in done.stderr
    assert ready.applied()[-1] == "0002_expand_price"


def test_policy_reverse_leaves_what_cannot_go_back(ready: Shop) -> None:
    ready.add(
        "0003_expand_note",
        'migrations.RunSQL("CREATE TABLE note (id int)")',
        after="0002_expand_price",
    )
    ready.add("0004_expand_broken", BROKEN, after="0003_expand_note")

    done = ready.run("safe_migrate", POLICY={"backup": "none", "on_failure": "reverse"})

    assert done.returncode == 6
    assert ready.applied()[-1] == "0003_expand_note"
    assert {"name", "id", "price"} == ready.columns()


def test_a_statement_gives_way_to_clients_that_wait_behind_it(ready: Shop) -> None:
    """A reader blocks us, a client waits behind us: the client comes first.

    Whoever blocks a first statement is waited for outside of the queue, and so is
    whoever blocks tables that are locked with it; so this one comes after a query.
    """
    policy = {"backup": "none", "lock_timeout": 3, "patience": 0.3}
    ready.execute("CREATE TABLE held ()")
    before = [f'migrations.RunSQL("{sql}")' for sql in ("LOCK held", "TABLE held")]
    ready.add("0002_expand_price", *before, ADD_PRICE, after="0001_expand_item")
    with ready.connect(autocommit=False) as reader, ready.connect() as client:
        reader.execute("LOCK TABLE shop_item IN ACCESS SHARE MODE")
        process = ready.start("safe_migrate", POLICY=policy)
        ready.wait_for(
            "SELECT count(*) > 0 FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE NOT granted AND d.datname = current_database()"
        )
        client.execute("SELECT count(*) FROM shop_item")
        assert process.poll() is None
        reader.rollback()
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "gave way to 1 waiting behind us" in err
