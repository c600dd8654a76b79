"""Proof by restoring, with every right and with few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from migrationops.backups import contents
from migrationops.backups.build import check_restored
from migrationops.backups.source import open_source
from migrationops.backups.take import take_backup
from migrationops.conf import Proof
from migrationops.exceptions import BackupError, DatabaseError, PreconditionError
from migrationops.progress import silent
from migrationops.workflows.restore import Request, restore_backup
from tests.roles import needs_superuser

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
OBJECTS = Path(__file__).with_name("objects.sql").read_text()
SMALL = "CREATE TABLE item AS SELECT generate_series(1, 50) AS n"
PRIVILEGED = (
    "CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
    "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION on_ddl();"
    "ALTER EVENT TRIGGER watch DISABLE"
)
THEIRS = (
    "CREATE SCHEMA theirs; CREATE TABLE theirs.item AS TABLE public.item;"
    "GRANT USAGE ON SCHEMA theirs TO PUBLIC; GRANT SELECT ON theirs.item TO PUBLIC"
)


def take(box: Sandbox, **conf: Any) -> Manifest:
    return take_backup(
        alias=box.alias,
        conf=box.conf(**conf),
        run_id="1",
        proof=Proof.RESTORED,
        report=silent,
    )


@pytest.fixture
def as_owner(
    stamped: Sandbox, settings: Any
) -> Iterator[Callable[[str], dict[str, str]]]:
    """Return a function: act as a new owner of the database who is no superuser."""
    role = f"{stamped.name}_o"

    def act(rights: str) -> dict[str, str]:
        stamped.sql(
            f"CREATE ROLE {role} LOGIN {rights};"
            f"ALTER DATABASE {stamped.name} OWNER TO {role};"
            f"GRANT ALL ON SCHEMA public TO {role};"
        )
        names = stamped.sql(
            "SELECT array_agg(oid::regclass::text) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for name in names:
            stamped.sql(f"ALTER TABLE {name} OWNER TO {role}")
        url = psycopg.conninfo.make_conninfo("", **{**stamped.params, "user": role})
        settings.MIGRATIONOPS = {**settings.MIGRATIONOPS, "OPERATOR_URL": url}
        return {"operator_url": url}

    yield act
    stamped.drop()
    stamped.sql(f"DROP ROLE IF EXISTS {role}", dbname="postgres")
    stamped.create()


@needs_superuser("makes an event trigger")
def test_everything_is_restored_compared_and_cleared_away(sandbox: Sandbox) -> None:
    sandbox.sql(OBJECTS)
    manifest = take(sandbox)
    assert manifest.proof.level is Proof.RESTORED
    assert manifest.proof.rows == manifest.rows + manifest.large_objects
    assert manifest.proof.skipped == ()
    assert sandbox.names() == {sandbox.name}


@needs_superuser("makes an event trigger")
def test_content_is_hashed_where_policy_says_so(sandbox: Sandbox) -> None:
    """As many rows are not the same rows; settings of the database do not count."""
    sandbox.sql(OBJECTS)
    name = psycopg.sql.Identifier(sandbox.name).as_string()
    sandbox.sql(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    sandbox.sql(f"ALTER DATABASE {name} SET datestyle = 'German'")
    manifest = take(sandbox, policy={"content_hashes": True})
    assert manifest.proof.level is Proof.RESTORED
    assert all(t.hash for t in manifest.tables)
    source = open_source(sandbox.alias, sandbox.conf())
    check_restored(source, manifest, sandbox.name)
    table = next(t for t in manifest.tables if t.rows)
    other = tuple(replace(t, hash="1") if t is table else t for t in manifest.tables)
    with pytest.raises(BackupError, match="has as many rows, and others"):
        check_restored(source, replace(manifest, tables=other), sandbox.name)


def test_a_row_is_hashed_whole_whatever_its_columns_are_called(
    sandbox: Sandbox,
) -> None:
    sandbox.sql("CREATE TABLE item AS SELECT 1 AS t, 'first' AS word")
    before = hashes(sandbox)
    sandbox.sql("UPDATE item SET word = 'other'")
    assert hashes(sandbox) != before


def hashes(box: Sandbox) -> list[str]:
    with box.connect() as connection:
        relations = contents.read_relations(connection)
        tables = contents.count_tables(connection, relations, hashed=True)
    return [t.hash for t in tables]


def test_another_server_proves_it_without_its_roles(sandbox: Sandbox) -> None:
    sandbox.sql(SMALL)
    url = psycopg.conninfo.make_conninfo("", **sandbox.params, dbname="postgres")
    manifest = take(sandbox, proof_url=url)
    assert manifest.proof.level is Proof.RESTORED
    assert sandbox.names() == {sandbox.name}


def test_a_proof_server_that_is_not_there_is_named_without_its_password(
    sandbox: Sandbox,
) -> None:
    sandbox.sql(SMALL)
    with pytest.raises(DatabaseError, match="'PROOF_URL' cannot be reached") as caught:
        take(sandbox, proof_url="postgresql://u:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in str(caught.value)
    assert "MIGRATIONOPS['PROOF_URL']" in caught.value.remedy
    assert list(sandbox.directory.iterdir()) == []


@needs_superuser("makes a role")
def test_without_createdb_the_proof_ends_at_counted_and_says_so(
    stamped: Sandbox, as_owner: Callable[[str], dict[str, str]]
) -> None:
    stamped.sql(SMALL)
    manifest = take(stamped, **as_owner("NOCREATEDB"))
    assert manifest.proof.level is Proof.COUNTED
    assert "may not create databases" in manifest.proof.skipped[0]
    with pytest.raises(PreconditionError, match="may not create databases"):
        restore_backup(Request(alias=stamped.alias), silent)


@needs_superuser("makes a role")
def test_what_only_a_superuser_may_restore_is_named_not_proven(
    stamped: Sandbox, as_owner: Callable[[str], dict[str, str]]
) -> None:
    stamped.sql(f"{SMALL};{PRIVILEGED}")
    stamped.sql(THEIRS)
    manifest = take(stamped, **as_owner("CREATEDB"))
    assert manifest.proof.level is Proof.RESTORED
    assert any("EVENT TRIGGER" in name for name in manifest.proof.skipped)
    with pytest.raises(PreconditionError, match="EVENT TRIGGER") as caught:
        restore_backup(Request(alias=stamped.alias), silent)
    assert "--accept-missing" in caught.value.remedy
    report = restore_backup(Request(alias=stamped.alias, accept_missing=True), silent)
    assert any("EVENT TRIGGER" in name for name in report.missing)
    owner = stamped.params["user"]
    # The schema, the table, the trigger's function.
    assert f"the owner {owner} of 3 objects" in report.missing
    assert stamped.sql("SELECT count(*) FROM theirs.item") == 50


@needs_superuser("makes a role")
def test_an_owner_without_superuser_restores(
    stamped: Sandbox, as_owner: Callable[[str], dict[str, str]]
) -> None:
    stamped.sql(SMALL)
    take(stamped, **as_owner("CREATEDB"))
    report = restore_backup(Request(alias=stamped.alias), silent)
    assert report.kept
    assert stamped.sql("SELECT count(*) FROM item") == 50


def test_a_sequence_that_is_absent_is_found(stamped: Sandbox) -> None:
    stamped.sql("CREATE SEQUENCE number")
    manifest = take(stamped)
    source = open_source(stamped.alias, stamped.conf())
    check_restored(source, manifest, stamped.name)
    stamped.sql("DROP SEQUENCE number")
    with pytest.raises(BackupError, match=r"sequence public\.number is absent"):
        check_restored(source, manifest, stamped.name)
