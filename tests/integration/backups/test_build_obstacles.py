"""What this server or this role cannot do is said before anything is built."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from migrationops.backups import obstacles
from migrationops.backups.source import Source, open_source
from migrationops.exceptions import PreconditionError, StampError
from migrationops.progress import silent
from migrationops.stamp import read
from migrationops.workflows.backup import Request, backup
from tests.roles import needs_createdb, needs_superuser, role

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = [needs_createdb, pytest.mark.postgres_tools]


@pytest.fixture
def manifest(stamped: Sandbox) -> Manifest:
    return backup(Request(alias=stamped.alias), silent).backup


def source_of(box: Sandbox, **params: str) -> Source:
    found = open_source(box.alias, box.conf())
    return replace(found, params={**found.params, **params})


@pytest.mark.parametrize(
    ("where", "remedy"),
    [({"owner": "gone"}, "CREATE ROLE"), ({"tablespace": "ssd"}, "CREATE TABLESPACE")],
)
def test_what_the_server_does_not_have(
    stamped: Sandbox, manifest: Manifest, where: dict[str, str], remedy: str
) -> None:
    elsewhere = replace(manifest, properties=replace(manifest.properties, **where))
    source = source_of(stamped)
    with (
        source.maintenance() as connection,
        pytest.raises(PreconditionError, match="This server has no") as caught,
    ):
        obstacles.check_build(connection, source, elsewhere)
    assert "Nothing was changed" in str(caught.value)
    assert remedy in caught.value.remedy


@needs_superuser("makes a role")
def test_a_database_of_another_role(stamped: Sandbox, manifest: Manifest) -> None:
    owner = manifest.properties.owner
    with role(stamped.params, "CREATEDB") as name:
        source = source_of(stamped, user=name)
        with source.maintenance() as connection:
            with pytest.raises(PreconditionError, match=f"may not give .* {owner!r}"):
                obstacles.check_build(connection, source, manifest)
            with pytest.raises(PreconditionError, match="may not rename it") as caught:
                obstacles.check_swap(
                    connection, source, drop_slots=False, accept_stale_replicas=False
                )
        assert f'GRANT "{owner}" TO "{name}"' in caught.value.remedy


@needs_superuser("makes a subscription")
def test_the_remedy_can_be_typed_as_it_stands(stamped: Sandbox) -> None:
    stamped.sql(
        "CREATE SUBSCRIPTION \"it's one\" CONNECTION 'dbname=nowhere' PUBLICATION p "
        "WITH (connect = false, slot_name = none)"
    )
    source = source_of(stamped)
    with (
        source.maintenance() as connection,
        pytest.raises(PreconditionError, match="writes to the live") as caught,
    ):
        obstacles.check_swap(
            connection, source, drop_slots=False, accept_stale_replicas=False
        )
    stamped.sql(caught.value.remedy.split(" first")[0])
    mine = "SELECT count(*) FROM pg_subscription JOIN pg_database d ON d.oid = subdbid "
    assert stamped.sql(mine + "WHERE datname = current_database()") == 0


@needs_superuser("makes a role")
def test_a_role_that_may_not_read_the_stamp(stamped: Sandbox) -> None:
    params = {**stamped.params, "dbname": stamped.name}
    with (
        role(stamped.params, "NOCREATEDB") as name,
        psycopg.connect(**{**params, "user": name}) as connection,
        pytest.raises(StampError, match=f"{name!r} may not read") as caught,
    ):
        read(connection)
    assert "OPERATOR_URL" in caught.value.remedy
