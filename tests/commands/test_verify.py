"""After the apply: what the run answers for, and what was so before it."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from tests.gate import Gate
from tests.outcome import last_run
from tests.roles import needs_superuser
from tests.shop import ADD_PRICE, Shop

SPOIL = (
    "UPDATE pg_index SET indisvalid = false "
    "WHERE indexrelid = 'shop_item_pkey'::regclass"
)


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    return opened_shop


def test_an_index_that_was_invalid_before_is_a_warning(ready: Shop) -> None:
    ready.execute("CREATE TABLE old (a int); INSERT INTO old VALUES (1), (1)")
    with ready.connect() as connection, contextlib.suppress(psycopg.Error):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY old_a ON old (a)")
    ready.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")

    text = ready.succeed("safe_migrate")

    assert "Index public.old_a is INVALID." in text
    assert last_run(ready) == ("done", 0)


def test_what_does_not_go_back_is_verified_as_it_went_forwards(ready: Shop) -> None:
    ready.ops["POLICY"] = {"backup": "none", "rehearse": True}
    stays = '"ALTER TABLE shop_item SET (fillfactor = 70)", migrations.RunSQL.noop'
    ready.add(
        "0002_expand_price",
        ADD_PRICE,
        f"migrations.RunSQL({stays})",
        after="0001_expand_item",
    )

    text = ready.succeed("safe_migrate")

    assert "forward not back" in text


@needs_superuser("writes to pg_index")
def test_an_index_that_the_run_left_invalid_differs(ready: Shop) -> None:
    ready.add(
        "0002_expand_rude", f'migrations.RunSQL("{SPOIL}")', after="0001_expand_item"
    )

    done = ready.run("safe_migrate")

    assert done.returncode == 4
    assert "Index public.shop_item_pkey is INVALID." in done.stderr
    assert "Everything was applied and recorded" in done.stderr
    assert last_run(ready) == ("differs", 4)


@pytest.mark.faults
def test_a_table_that_another_has_locked_is_waited_for(opened_shop: Shop) -> None:
    gate = Gate(4718)
    opened_shop.ops["POLICY"] = {"backup": "none", "rehearse": True}
    opened_shop.variables["AT_POST_MIGRATE"] = gate.statement
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    with opened_shop.connect(autocommit=False) as other:
        with gate.closed(opened_shop):
            process = opened_shop.start("safe_migrate")
            gate.wait(opened_shop)
            other.execute("LOCK TABLE shop_item IN ACCESS EXCLUSIVE MODE")
        assert process.stderr is not None
        line = "first"
        while line and "verify tries again" not in line:
            line = process.stderr.readline()
        other.rollback()

    done = opened_shop.finish(process)

    assert "lock timeout" in line
    assert done.returncode == 0, done.stderr
