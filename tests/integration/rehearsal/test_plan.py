"""A plan on its shadow, as the command runs it for a stranger's project."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.roles import needs_superuser
from tests.shop import ADD_PRICE

FILLED = """migrations.RunSQL(
    "ALTER TABLE shop_item ADD CONSTRAINT filled CHECK (name <> '')",
    "ALTER TABLE shop_item DROP CONSTRAINT filled",
)"""
# What an operator's function does is one thing that lint does not look up.
VOLATILE_OPERATOR = """
CREATE FUNCTION pick(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE OPERATOR @@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = pick);
ALTER TABLE shop_item ADD COLUMN odd int DEFAULT 1 @@@ 2;
"""
CARELESS_SETTINGS = """
from tests.project.settings import *

DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}), "pool": {"min_size": 1}
}
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["other"] = {**DATABASES["default"]}
DATABASES["elsewhere"] = {**DATABASES["default"], "NAME": "template1"}
DATABASE_ROUTERS = ["careless_router.Router"]
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache",
                      "LOCATION": "no_such_table"}}
"""

CARELESS_ROUTER = """
class Router:
    def db_for_write(self, model, **hints):
        return "other"
"""

CARELESS = """
import multiprocessing, os, socket, subprocess, threading
from concurrent.futures import ThreadPoolExecutor


def attempt(what):
    try:
        what()
    except Exception as exc:
        print("not let through:", exc)


def careless(apps, schema_editor):
    import psycopg
    from django.core.cache import cache
    from django.core.mail import send_mail
    from django.db import connection, connections

    Item = apps.get_model("shop", "Item")
    Item.objects.create(name="by the router")
    Item.objects.using("other").create(name="by the other alias")

    def write():
        Item.objects.create(name="in a thread")
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(write).result()
    cache.set("a", 1)
    send_mail("subject", "text", "a@example.com", ["b@example.com"])
    live = os.environ["DATABASE_URL"].replace("postgres:", "postgresql:")
    attempt(lambda: psycopg.connect(live).execute(
        "insert into shop_item (name) values ('by a DSN')"))
    attempt(lambda: connections["elsewhere"].cursor())
    attempt(lambda: socket.create_connection(("127.0.0.1", 9)))
    attempt(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(
        b"x", ("127.0.0.1", 9)))
    attempt(lambda: subprocess.run(["touch", os.environ["TOUCHED"]]))
    attempt(lambda: os.system("touch $TOUCHED"))
    attempt(os.fork)
    spawn = multiprocessing.get_context("spawn")
    attempt(spawn.Process(target=os.mkdir, args=(os.environ["SPAWNED"],)).start)
"""


def rehearse(shop, *arguments, **ops):
    done = shop.run("rehearse", "--json", *arguments, **ops)
    assert done.stdout, done.stderr
    return done, json.loads(done.stdout)


def steps(report):
    return [
        step
        for migration in report["rehearsal"]["performance"]["migrations"]
        for step in migration["steps"]
    ]


def dump(shop):
    """Return everything that the database holds."""
    tables = shop.query(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'public' ORDER BY 1"
    )
    return {
        name: shop.query(f'SELECT t::text FROM "{name}" t ORDER BY 1')
        for (name,) in tables
    }


def test_a_careless_migration_reaches_nothing_but_the_shadow(opened_shop, tmp_path):
    shop, touched, spawned = opened_shop, tmp_path / "touched", tmp_path / "spawned"
    (shop.directory / "careless_settings.py").write_text(CARELESS_SETTINGS)
    (shop.directory / "careless_router.py").write_text(CARELESS_ROUTER)
    shop.add(
        "0002_backfill_careless",
        "migrations.RunPython(careless, migrations.RunPython.noop)",
        after="0001_expand_item",
        atomic=False,
        extra=CARELESS,
    )
    before = dump(shop)
    environ = {
        **shop.environ(),
        "DJANGO_SETTINGS_MODULE": "careless_settings",
        "TOUCHED": str(touched),
        "SPAWNED": str(spawned),
    }

    done = subprocess.run(
        [sys.executable, "-m", "tests.project.manage", "rehearse", "--json"],
        env=environ,
        cwd=shop.directory,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    performance = json.loads(done.stdout)["rehearsal"]["performance"]
    assert dump(shop) == before
    assert not touched.exists()
    assert performance["mails"] == 1
    assert not spawned.exists()
    refused = {(r["what"], r["migration"]) for r in performance["refusals"]}
    assert sum(r["what"] == "subprocess.Popen" for r in performance["refusals"]) == 2
    assert refused == {
        (what, "shop.0002_backfill_careless")
        for what in (
            "connection to database",
            "socket.connect",
            "socket.sendto",
            "subprocess.Popen",
            "os.system",
            "os.fork",
        )
    }
    (step,) = performance["migrations"][0]["steps"]
    assert step["kind"] == "data"
    assert "public.shop_item" in step["facts"]["written"]


@needs_superuser("has a shadow with every extension and event trigger")
def test_each_statement_is_a_step_with_the_catalogs_around_it(opened_shop):
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'x' FROM generate_series(1, 5000)"
    )
    opened_shop.execute("ANALYZE shop_item")
    opened_shop.add(
        "0002_expand_price",
        ADD_PRICE,
        'AddIndexConcurrently("item", models.Index(fields=["price"], name="by_price"))',
        'migrations.RunSQL("ALTER TABLE shop_item ADD CONSTRAINT c CHECK (id > 0)", '
        '"ALTER TABLE shop_item DROP CONSTRAINT c")',
        'migrations.RunSQL("GRANT SELECT ON shop_item TO PUBLIC", "SELECT 1")',
        after="0001_expand_item",
        atomic=False,
    )

    done, report = rehearse(opened_shop)

    assert done.returncode == 0, done.stderr
    column, index, check, grant = steps(report)
    assert column["operation"] == "0"
    assert column["facts"]["locks"] == {"public.shop_item": "AX"}
    assert column["before"] == report["rehearsal"]["catalog"]
    assert list(column["change"]["tables"]) == ["public.shop_item"]
    assert index["facts"]["alone"] is True
    assert index["facts"]["locks"] == {"public.shop_item": "SUX"}
    assert index["before"] == column["after"]
    assert (grant["before"], grant["repeatable"]) == (grant["after"], True)
    performance = report["rehearsal"]["performance"]
    assert performance["irreversible"] == []
    assert performance["reversed"] is True
    (script,) = report["rehearsal"]["scripts"]
    assert [s["sql"] for s in script["steps"]] == [
        s["sql"] for s in (column, index, check, grant)
    ]
    assert_estimated(report, check)
    assert report["disagreements"] == []
    assert opened_shop.columns() == {"id", "name"}
    assert_no_shadow(opened_shop)


def assert_estimated(report, step):
    (estimate,) = (
        e for e in report["rehearsal"]["estimates"] if e["position"] == step["position"]
    )
    assert estimate["rows"] == 5000
    assert (estimate["work"], estimate["lock"]) == ("read", "AX")
    assert estimate["blocks_writers"] is True


@pytest.mark.faults
def test_with_data_it_is_measured_and_the_live_rows_stay_as_they_are(opened_shop):
    shop = opened_shop
    shop.execute(
        "INSERT INTO shop_item (name) SELECT 'x' FROM generate_series(1, 3000)"
    )
    shop.add("0002_expand_name", FILLED, after="0001_expand_item")
    before = dump(shop)

    _, report = rehearse(shop, "--with-data")

    rehearsal = report["rehearsal"]
    (measured,) = rehearsal["estimates"]
    assert rehearsal["with_data"] is True
    assert measured["measured"] is True
    assert (measured["table"], measured["lock"]) == ("public.shop_item", "AX")
    assert steps(report)[0]["facts"]["scanned"] == {"public.shop_item": 3000}
    assert dump(shop) == before
    assert_no_shadow(shop)


@pytest.mark.faults
def test_where_lint_and_the_rehearsal_disagree_is_told(opened_shop):
    opened_shop.add(
        "0002_expand_odd",
        f"migrations.RunSQL({VOLATILE_OPERATOR!r}, migrations.RunSQL.noop)",
        after="0001_expand_item",
    )

    _, report = rehearse(opened_shop)

    (found,) = report["disagreements"]
    assert found["migration"] == "shop.0002_expand_odd"
    assert (found["foretold"], found["measured"]) == (False, True)
    assert "ADD COLUMN odd" in found["sql"]


def assert_no_shadow(shop):
    name = shop.params["dbname"]
    assert shop.query(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", name
    ) == [(name,)]


@needs_superuser("has a shadow with every extension and event trigger")
def test_the_rehearsed_catalog_is_that_of_the_apply(opened_shop):
    opened_shop.add(
        "0002_expand_price",
        ADD_PRICE,
        'migrations.AlterField("item", "name", models.CharField(max_length=5, null=True'
        ', choices=[("a", "a")]))',
        'migrations.AddConstraint("item", models.CheckConstraint('
        'condition=models.Q(name__in=["a", "b"]), name="few"))',
        after="0001_expand_item",
    )
    _, report = rehearse(opened_shop)

    opened_shop.succeed("safe_migrate", POLICY={"backup": "none"})

    newest = opened_shop.query(
        "SELECT catalog FROM migrationops_run ORDER BY started_at DESC LIMIT 1"
    )
    assert newest == [(steps(report)[-1]["after"],)]


@pytest.mark.parametrize(
    ("operation", "migration", "error"),
    [
        ('migrations.RunSQL("SELECT 1/0")', "shop.0002_expand_bad", "division by zero"),
        ("nonsense", "", "nonsense"),
        *(
            pytest.param(
                f"migrations.RunSQL({text!r})",
                "shop.0002_expand_bad",
                error,
                marks=pytest.mark.faults,
            )
            for text, error in (
                ("this is no SQL", "syntax error"),
                ("DO $$ BEGIN RAISE 'out of luck'; END $$", "out of luck"),
                ("SELECT pg_terminate_backend(pg_backend_pid())", "terminat"),
            )
        ),
    ],
)
def test_a_migration_that_fails_is_named(opened_shop, operation, migration, error):
    opened_shop.add("0002_expand_bad", operation, after="0001_expand_item")
    before = dump(opened_shop)

    done = opened_shop.run("rehearse", "--json")

    assert done.returncode in (1, 3)
    assert error in done.stdout + done.stderr
    if migration:
        failure = json.loads(done.stdout)["rehearsal"]["performance"]["failure"]
        assert failure["migration"] == migration
    assert dump(opened_shop) == before


def test_what_speaks_against_the_plan_is_told(opened_shop):
    opened_shop.add(
        "0002_contract_name",
        'migrations.RemoveField("item", "name")',
        'migrations.AddField("item", "code", models.IntegerField(default=1))',
        'migrations.RunSQL("CREATE TABLE once (a int)")',
        after="0001_expand_item",
    )

    _, report = rehearse(opened_shop)

    performance = report["rehearsal"]["performance"]
    found = "\n".join(performance["incompatible"])
    assert "shop.Item: the running release's SELECT fails" in found
    assert "shop.Item: the running release's INSERT fails" in found
    assert performance["reversed"] is False
    assert "Raw SQL operation cannot be reversed" in performance["irreversible"][0]
