"""The swap itself: who is in its way, and a server that is lost in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from migrationops.backups import derived, swap
from migrationops.backups.derived import Role
from migrationops.backups.source import open_source
from migrationops.exceptions import NeedsPersonError
from tests.roles import needs_createdb

if TYPE_CHECKING:
    from migrationops.backups.derived import Derived
    from migrationops.postgres.databases import Connection
    from tests.sandbox import Sandbox

pytestmark = [needs_createdb, pytest.mark.postgres_tools]


@pytest.fixture
def incoming(sandbox: Sandbox) -> Derived:
    """Return an empty database that is to be swapped in."""
    made = derived.new_derived(sandbox.name, role=Role.BUILT, run="", backup="")
    sandbox.sql(f'CREATE DATABASE "{made.name}"', dbname="postgres")
    return made


def test_who_looks_into_the_incoming_database_is_no_obstacle(
    sandbox: Sandbox, incoming: Derived
) -> None:
    source = open_source(sandbox.alias, sandbox.conf())
    with sandbox.connect(incoming.name) as curious:
        swapped = swap.swap(source, incoming, "", lambda *_: None)
        with pytest.raises(psycopg.OperationalError):
            curious.execute("SELECT 1")
    assert sandbox.names() == {sandbox.name, swapped.kept.name}


def test_a_server_that_is_lost_leaves_it_to_a_person(
    sandbox: Sandbox, incoming: Derived
) -> None:
    found = open_source(sandbox.alias, sandbox.conf())
    params = dict(found.params)
    source = replace(found, params=params)

    def lose(connection: Connection, database: str) -> None:
        params["host"] = "/nowhere"
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(NeedsPersonError, match="whole or not at all") as caught:
        swap.swap(source, incoming, "", lose)
    assert "nothing was changed" not in str(caught.value).lower()
    assert "backups list" in caught.value.remedy
    assert sandbox.names() == {sandbox.name, incoming.name}
