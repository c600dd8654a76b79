"""What a run of ours wrote is no loss of anybody's."""

from __future__ import annotations

import pytest

from tests.outcome import refused
from tests.roles import needs_createdb
from tests.shop import Shop

pytestmark = pytest.mark.postgres_tools

ORDER = """migrations.CreateModel(
    "Order", [("id", models.BigAutoField(primary_key=True))]
)"""
TYPES = "SELECT count(*) FROM django_content_type WHERE model = 'order'"


@needs_createdb
def test_content_types_and_permissions_of_our_models_are_nobodys_loss(
    opened_shop: Shop,
) -> None:
    opened_shop.ops["POLICY"] = {"backup": "decoded"}
    opened_shop.add("0002_expand_order", ORDER, after="0001_expand_item")
    opened_shop.succeed("safe_migrate")
    assert opened_shop.query(TYPES) == [(1,)]
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('theirs')")

    restore = ("restore", "--no-input")
    refused(opened_shop.run(*restore), 3, "at most 1 row", "--accept-loss 1")

    opened_shop.succeed(*restore, "--accept-loss", "1")
    assert opened_shop.query(TYPES) == [(0,)]
