"""safe_migrate by roles that may do less, or that are not the owner."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fix_shop import database, make_shop
from tests.outcome import refused
from tests.roles import needs_superuser, role
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


@needs_superuser("makes a superuser")
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


@pytest.fixture
def make_owned(
    tmp_path: Path, server_params: dict[str, Any]
) -> Iterator[Callable[[str], Shop]]:
    """Return a function that makes a shop whose owner has this right, and no more.

    An extension and an event trigger in it are the superuser's.
    """
    with ExitStack() as made:

        def make(right: str) -> Shop:
            owner = made.enter_context(role(server_params, right))
            name = made.enter_context(database(server_params, owner=owner))
            shop = make_shop(tmp_path, server_params, name, owner)
            made.callback(shop.end)
            return shop

        yield make


@pytest.mark.faults
def test_an_owner_who_may_create_databases_has_every_stage(
    make_owned: Callable[[str], Shop],
) -> None:
    shop = make_owned("CREATEDB")
    policy = {"backup": "restored", "rehearse": True}

    report = json.loads(shop.succeed("safe_migrate", "--json", POLICY=policy))

    assert shop.applied() == ["0001_expand_item"]
    assert report["backup"]["proof"]["level"] == "restored"
    lacking = " ".join(report["rehearsal"]["lacking"])
    assert "event trigger theirs" in lacking
    assert "extension vector" in lacking


def test_an_owner_who_may_not_is_told_what_it_costs(
    make_owned: Callable[[str], Shop],
) -> None:
    shop = make_owned("NOCREATEDB")

    done = shop.run("safe_migrate", POLICY={"backup": "none", "rehearse": True})
    refused(done, 3, "may not create databases", "othing was changed", next_="ALTER")
    done = shop.run("safe_migrate", POLICY={"on_failure": "restore"})
    refused(done, 3, "none could be built beside", next_="Set on_failure to")

    report = json.loads(
        shop.succeed("safe_migrate", "--json", POLICY={"backup": "restored"})
    )
    assert shop.applied() == ["0001_expand_item"]
    assert report["backup"]["proof"]["level"] == "counted"
    assert "Nothing to do" in shop.succeed("safe_migrate")
