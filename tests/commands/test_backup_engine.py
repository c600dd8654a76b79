"""Which engine backs up, and what is refused before anything is done."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.fix_archiving import needs_pgbackrest, prefix
from tests.outcome import refused, unchanged
from tests.shop import ADD_PRICE, Shop

STANZA = {"stanza": "main", "prefix": prefix()}
HUGE = {"physical_from": 1}
PGBACKREST = {"engine": "pgbackrest"}


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    return opened_shop


def test_what_a_dump_is_too_slow_for_goes_to_pgbackrest(ready: Shop) -> None:
    with unchanged(ready):
        done = ready.run("safe_migrate", POLICY=HUGE)
    refused(done, 3, "its dump would take about", next_="Name pgBackRest's stanza")
    ready.succeed("safe_migrate", POLICY={**HUGE, "engine": "pg_dump"})


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"on_failure": "restore"}, "it takes the whole cluster back, by hand"),
        ({"backup": "rehearsed"}, "takes a restored database"),
    ],
)
def test_a_policy_that_it_cannot_keep_is_refused(
    ready: Shop, policy: dict[str, Any], why: str
) -> None:
    with unchanged(ready):
        done = ready.run("safe_migrate", POLICY={**HUGE, **policy}, PGBACKREST=STANZA)
    refused(done, 3, why, "Nothing was changed", next_="Set ")


def test_without_a_stanza_or_the_program_it_says_so(ready: Shop) -> None:
    refused(
        ready.run("safe_migrate", POLICY=PGBACKREST), 1, 'MIGRATIONOPS["PGBACKREST"]'
    )
    absent = {**STANZA, "prefix": ["/no/such/program"]}
    done = ready.run("safe_migrate", POLICY=PGBACKREST, PGBACKREST=absent)
    refused(done, 3, "pgBackRest cannot be started", next_="Install pgbackrest")
    assert not list(ready.directory.rglob("*.dump"))


@needs_pgbackrest
def test_a_server_that_archives_nothing_is_refused(ready: Shop) -> None:
    done = ready.run("safe_migrate", POLICY=PGBACKREST, PGBACKREST=STANZA)
    refused(done, 3, "archive_mode is off", next_="Set archive_mode")


@needs_pgbackrest
@pytest.mark.skipif(os.geteuid() != 0, reason="root's")
def test_root_is_not_let_into_a_repository(ready: Shop) -> None:
    bare = {**STANZA, "prefix": []}
    done = ready.run("safe_migrate", POLICY=PGBACKREST, PGBACKREST=bare)
    refused(done, 3, "As root, pgBackRest would leave files", next_="Say as whom")
