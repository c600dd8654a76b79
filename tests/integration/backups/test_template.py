"""The engine "template": a copy on the same server, for development."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from migrationops.backups import derived
from migrationops.backups.derived import Role
from migrationops.backups.losses import Accepted
from migrationops.backups.retention import Retention
from migrationops.backups.take import take_backup
from migrationops.backups.template import Template
from migrationops.conf import Proof
from migrationops.exceptions import PreconditionError
from migrationops.progress import silent
from migrationops.workflows import backups, expire_backups
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.restore import Request, restore_backup

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools


def take(box: Sandbox, **values: Any) -> Manifest:
    request = BackupRequest(alias=box.alias, engine=Template.name, **values)
    return backup(request, silent).backup


def roles(box: Sandbox) -> list[Role]:
    with box.connect("postgres") as connection:
        return sorted(d.role for d in derived.find_derived(connection, box.name))


def test_a_copy_that_was_dropped_is_no_backup(stamped: Sandbox) -> None:
    older = backup(BackupRequest(alias=stamped.alias), silent).backup
    manifest = take(stamped)
    (copy,) = stamped.names() - {stamped.name}
    stamped.sql(f'DROP DATABASE "{copy}"', dbname="postgres")

    listing = backups.list_backups(alias=stamped.alias).listing
    assert [m.id for m in listing.backups] == [older.id]
    assert [u.id for u in listing.unusable] == [manifest.id]
    request = expire_backups.Request(
        alias=stamped.alias, retention=Retention(last=1, days=0), apply=True
    )
    expired = expire_backups.expire_backups(request).expiry
    assert expired.expired == (manifest.id,)
    assert [k.id for k in expired.kept] == [older.id]


def test_a_copy_is_taken_proven_restored_and_expired(stamped: Sandbox) -> None:
    stamped.sql("CREATE TABLE item AS SELECT generate_series(1, 50) AS n")
    manifest = take(stamped, proof=Proof.COUNTED)
    assert manifest.proof.level is Proof.COUNTED
    assert manifest.proof.rows == manifest.rows
    assert roles(stamped) == [Role.COPY]
    stamped.sql("DELETE FROM item WHERE n <= 7")

    accepted = Accepted(rows=7)
    report = restore_backup(Request(alias=stamped.alias, accepted=accepted), silent)
    assert report.losses.at_most == 7
    assert stamped.sql("SELECT count(*) FROM item") == 50
    assert stamped.sql("SHOW default_transaction_read_only") == "off"
    assert roles(stamped) == [Role.COPY, Role.KEPT]

    (held,) = backups.verify_backups(
        alias=stamped.alias, identifier=None, level=Proof.COUNTED, report=silent
    )
    assert (held.problem, held.level) == ("", "counted")
    stamped.directory.joinpath(f"{manifest.id}.json").unlink()
    retention = Retention()
    expire_backups.expire_backups(
        expire_backups.Request(alias=stamped.alias, retention=retention, apply=True)
    )
    assert roles(stamped) == [Role.KEPT]


@pytest.mark.faults  # the server itself waits 5 s for them
def test_whoever_is_connected_is_named(stamped: Sandbox) -> None:
    with stamped.connect() as session:
        pid = session.info.backend_pid
        with pytest.raises(PreconditionError, match=f"nobody uses: .*pid {pid} "):
            take(stamped)
    assert roles(stamped) == []
    assert stamped.sql("SELECT state FROM migrationops_run") == "refused"


def test_a_copy_that_was_dropped_is_found(stamped: Sandbox) -> None:
    manifest = take(stamped)
    with stamped.connect("postgres") as connection:
        (copy,) = derived.find_derived(connection, stamped.name)
    stamped.sql(f'DROP DATABASE "{copy.name}"', dbname="postgres")
    (found,) = backups.verify_backups(
        alias=stamped.alias,
        identifier=manifest.id,
        level=Proof.DECODED,
        report=silent,
    )
    assert "is not on this server any more" in found.problem


def test_where_a_backup_must_outlive_its_server_it_is_none(stamped: Sandbox) -> None:
    protected = stamped.conf(
        environment="production", signing_keys=["k"], backup_dir_outlives_host=True
    )
    stamped.directory.mkdir(exist_ok=True)
    with pytest.raises(PreconditionError, match="lost with it"):
        take_backup(
            alias=stamped.alias,
            conf=protected,
            run_id="1",
            proof=Proof.NONE,
            report=silent,
            engine=Template(),
        )
