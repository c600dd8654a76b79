"""The operations as a deploy meets them: rehearsed without rows, run on rows."""

from __future__ import annotations

import os
import pty
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.shop import Shop

SAFE = "from django.db.models import Q\nfrom migrationops import operations as safe"
FILL = 'safe.Backfill("item", {"name": models.Value("new")}, Q(name="old"))'
CHANGE = [
    'safe.ChangeTypeExpand("item", "name", models.TextField())',
    'safe.ChangeTypeBackfill("item", "name", models.TextField())',
    'safe.ChangeTypeContract("item", "name", models.TextField())',
]


@pytest.mark.parametrize("rehearse", [True, False])
def test_a_backfill_is_one_step_and_reaches_every_row(
    opened_shop: Shop, rehearse: bool
) -> None:
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'old' FROM generate_series(1, 3000)"
    )
    opened_shop.add(
        "0002_backfill", FILL, after="0001_expand_item", atomic=False, extra=SAFE
    )

    opened_shop.succeed(
        "safe_migrate", "shop", POLICY={"backup": "none", "rehearse": rehearse}
    )

    old = "SELECT count(*) FROM shop_item WHERE name = 'old'"
    assert opened_shop.query(old) == [(0,)]
    steps = "SELECT count(*) FROM migrationops_step WHERE sql LIKE '%UPDATE%'"
    assert opened_shop.query(steps.replace("%", "%%")) == [(0,)]


def test_a_terminal_shows_how_far_a_backfill_is(opened_shop: Shop) -> None:
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'old' FROM generate_series(1, 3000);"
        "ANALYZE shop_item"
    )
    opened_shop.add(
        "0002_backfill", FILL, after="0001_expand_item", atomic=False, extra=SAFE
    )
    master, opened_shop.popen["stderr"] = pty.openpty()
    seen: list[bytes] = []
    reader = threading.Thread(target=read_all, args=[master, seen])
    reader.start()

    opened_shop.succeed("safe_migrate", "shop", POLICY={"backup": "none"})

    os.close(opened_shop.popen.pop("stderr"))
    reader.join()
    assert b"Backfill name of item in batches" in b"".join(seen)
    assert b"/3.00k" in b"".join(seen)


def read_all(descriptor: int, seen: list[bytes]) -> None:
    """Read a terminal until its last writer is gone, which Linux says by EIO."""
    with suppress(OSError):
        while chunk := os.read(descriptor, 4096):
            seen.append(chunk)
    os.close(descriptor)


def test_a_type_changes_on_rows_as_it_was_rehearsed(opened_shop: Shop) -> None:
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'n' || g FROM generate_series(1, 500) g"
    )
    after = "0001_expand_item"
    for number, operation in enumerate(CHANGE, 2):
        name = f"{number:04d}_change"
        opened_shop.add(name, operation, after=after, atomic=False, extra=SAFE)
        after = name

    opened_shop.succeed(
        "safe_migrate", "shop", POLICY={"backup": "none", "rehearse": True}
    )

    kind = (
        "SELECT pg_typeof(name)::text, count(DISTINCT name) FROM shop_item GROUP BY 1"
    )
    assert opened_shop.query(kind) == [("text", 500)]
