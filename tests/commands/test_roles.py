"""safe_migrate by roles that may do less, or that are not the owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.shop import Shop

NOTE = 'migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True))])'
GIVE = """
CREATE ROLE {owner};
CREATE ROLE {operator} LOGIN SUPERUSER;
ALTER DATABASE {name} OWNER TO {owner};
GRANT {owner} TO {operator};
GRANT CREATE ON SCHEMA public TO {owner};
GRANT ALL ON ALL TABLES IN SCHEMA public TO {owner};
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {owner};
"""
TAKE = """
ALTER DATABASE {name} OWNER TO CURRENT_USER;
DROP OWNED BY {owner};
DROP ROLE {owner};
DROP ROLE {operator};
"""


@dataclass(frozen=True, kw_only=True)
class Roles:
    name: str
    owner: str
    operator: str


@pytest.fixture
def roles(opened_shop: Shop) -> Iterator[Roles]:
    """Split who owns the database from who migrates it."""
    name = str(opened_shop.params["dbname"])
    made = Roles(name=name, owner=f"owner_{name}", operator=f"operator_{name}")
    names = {"name": made.name, "owner": made.owner, "operator": made.operator}
    opened_shop.execute(GIVE.format(**names))
    try:
        yield made
    finally:
        opened_shop.execute(TAKE.format(**names))


def test_what_an_operator_makes_belongs_to_the_owner(
    opened_shop: Shop, roles: Roles
) -> None:
    opened_shop.add("0002_expand_note", NOTE, after="0001_expand_item")
    host, port = opened_shop.params["host"], opened_shop.params.get("port", 5432)
    url = f"postgresql://{roles.operator}@/{roles.name}?host={host}&port={port}"

    opened_shop.succeed("safe_migrate", OPERATOR_URL=url, POLICY={"backup": "none"})

    assert opened_shop.query(
        "SELECT tableowner FROM pg_tables WHERE tablename = 'shop_note'"
    ) == [(roles.owner,)]
