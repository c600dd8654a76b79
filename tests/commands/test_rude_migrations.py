"""Migrations and terminals that do not behave: the run still tells the truth."""

from __future__ import annotations

import json
import os

import pytest

from tests.outcome import last_run, refused, unchanged
from tests.shop import ADD_PRICE, Shop

PYTHON = """
def change(apps, schema_editor):
    import os, sys
    connection = schema_editor.connection
    {line}
"""


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    return opened_shop


def add_python(shop: Shop, line: str, *operations: str) -> None:
    """Add a migration of a field, this line of Python, and what follows it."""
    shop.add(
        "0002_expand_rude",
        ADD_PRICE,
        "migrations.RunPython(change)",
        *operations,
        after="0001_expand_item",
        extra=PYTHON.format(line=line),
    )


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("sys.exit(3)", "SystemExit: 3"),
        ("sys.exit()", "SystemExit"),
        ("connection.close()", "shop.0002_expand_rude failed"),
        ("connection.connection.close()", "connection"),
        ("connection.cursor().execute('SELECT %s', [])", "placeholder"),
        ("raise BaseException('base')", "BaseException: base"),
    ],
)
def test_whatever_it_raises_is_a_failure(ready: Shop, line: str, text: str) -> None:
    add_python(ready, line)

    with unchanged(ready):
        done = ready.run("safe_migrate")

    refused(done, 5, text, "as before the run", next_="Correct it")
    assert last_run(ready) == ("failed", 5)


def test_what_it_prints_does_not_spoil_the_json(ready: Shop) -> None:
    add_python(ready, "print('hello'); sys.stdout.write('hello')")

    done = ready.run("safe_migrate", "--json")

    assert json.loads(done.stdout)["outcome"] == "applied"
    assert "hello" in done.stderr


def test_limits_that_it_lifts_hold_for_the_next_statement(ready: Shop) -> None:
    ready.ops["POLICY"].update(lock_timeout=0.1, outage_budget=0.3)
    ready.add(
        "0002_expand_price",
        'migrations.RunSQL("SET lock_timeout = 0")',
        ADD_PRICE,
        after="0001_expand_item",
    )

    with ready.connect(autocommit=False) as other, unchanged(ready):
        other.execute("LOCK TABLE shop_item IN ACCESS SHARE MODE")
        done = ready.run("safe_migrate")

    refused(done, 5, "lock timeout", "as before the run")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_went_away_fails_nothing(ready: Shop, stream: str) -> None:
    ready.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    read_end, write_end = os.pipe()
    os.close(read_end)
    ready.popen[stream] = write_end

    process = ready.start("safe_migrate")
    os.close(write_end)
    ready.finish(process)

    assert last_run(ready) == ("done", 0)
    assert "price" in ready.columns()


def test_a_terminal_of_ascii(ready: Shop) -> None:
    ready.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    ready.variables["PYTHONIOENCODING"] = "ascii"

    ready.succeed("safe_migrate")
    ready.succeed("migration_status")
