"""After the apply: what the run answers for, and what was so before it."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from tests.fix_shop import needs_superuser
from tests.outcome import last_run
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


@needs_superuser
def test_an_index_that_the_run_left_invalid_differs(ready: Shop) -> None:
    ready.add(
        "0002_expand_rude", f'migrations.RunSQL("{SPOIL}")', after="0001_expand_item"
    )

    done = ready.run("safe_migrate")

    assert done.returncode == 4
    assert "Index public.shop_item_pkey is INVALID." in done.stderr
    assert "Everything was applied and recorded" in done.stderr
    assert last_run(ready) == ("differs", 4)
