"""A transaction pooler in between: recognised and refused, or gone round."""

from __future__ import annotations

import pytest

from tests.outcome import refused
from tests.shop import Shop

pytestmark = pytest.mark.own_server


@pytest.fixture
def pooled(tcp_shop: Shop, pooler_port: int) -> Shop:
    """Return a shop whose alias goes through the pooler."""
    direct = str(tcp_shop.params["port"])
    tcp_shop.variables["DATABASE_URL"] = tcp_shop.url.replace(
        f":{direct}/", f":{pooler_port}/"
    )
    return tcp_shop


def test_it_is_refused(pooled: Shop) -> None:
    done = pooled.run("safe_migrate")

    refused(
        done,
        3,
        "goes through a pooler",
        "Nothing was changed",
        next_="Set MIGRATIONOPS",
    )
    assert pooled.query(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    ) == [(0,)]


@pytest.mark.faults
def test_a_direct_url_goes_round_it(pooled: Shop) -> None:
    pooled.ops["DIRECT_URL"] = pooled.url

    pooled.succeed("safe_migrate")

    assert pooled.applied() == ["0001_expand_item"]
    assert "Nothing to do" in pooled.succeed("safe_migrate")


def test_plain_migrate_does_not_stamp_through_it(pooled: Shop) -> None:
    done = pooled.run("migrate")

    refused(done, 3, "goes through a pooler", "Nothing was changed")
