"""A rehearsal by an owner who is no superuser, as on a managed server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.roles import needs_superuser
from tests.shop import ADD_PRICE, Shop

pytestmark = needs_superuser("makes a role")

GIVE = """
CREATE ROLE {owner} LOGIN CREATEDB;
ALTER DATABASE {name} OWNER TO {owner};
ALTER SCHEMA public OWNER TO {owner};
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watch();
ALTER ROLE {owner} IN DATABASE {name} SET work_mem = '5MB';
DO $$
DECLARE r regclass;
BEGIN
    FOR r IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
             AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {owner}', r);
    END LOOP;
END $$;
"""
TAKE = """
DROP EVENT TRIGGER watching;
ALTER DATABASE {name} OWNER TO CURRENT_USER;
REASSIGN OWNED BY {owner} TO CURRENT_USER;
DROP OWNED BY {owner};
ALTER ROLE {owner} IN DATABASE {name} RESET ALL;
DROP ROLE {owner};
"""


@pytest.fixture
def owned(opened_shop: Shop) -> Iterator[Shop]:
    """Give the shop an owner, and let its commands connect as that one."""
    name = str(opened_shop.params["dbname"])
    names = {"name": name, "owner": f"owner_{name}"}
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('a'), ('b')")
    opened_shop.execute(GIVE.format(**names))
    host, port = opened_shop.params["host"], opened_shop.params.get("port", 5432)
    url = f"postgres://{names['owner']}@/{name}?host={host}&port={port}"
    try:
        yield replace(opened_shop, url=url)
    finally:
        opened_shop.execute(TAKE.format(**names))


@pytest.mark.faults
def test_an_owner_rehearses_and_is_told_what_the_shadow_lacks(owned: Shop) -> None:
    owned.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")

    done = owned.run("rehearse", "--json", "--with-data")

    assert done.returncode == 0, done.stderr
    rehearsal = json.loads(done.stdout)["rehearsal"]
    assert rehearsal["performance"]["failure"] is None
    assert rehearsal["performance"]["reversed"] is True
    assert any("watching" in lacking for lacking in rehearsal["lacking"])
    assert not any("work_mem" in lacking for lacking in rehearsal["lacking"])


def test_an_owner_without_the_right_is_told_which_one(owned: Shop) -> None:
    owned.execute(f'ALTER ROLE "owner_{owned.params["dbname"]}" NOCREATEDB')
    owned.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")

    done = owned.run("rehearse")

    assert done.returncode == 3
    assert "CREATEDB" in done.stderr
    assert "SHADOW_URL" in done.stderr
    assert owned.columns() == {"id", "name"}
