"""A backup or a restore that a signal ends says how the database stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrationops.backups import catalog
from migrationops.backups.manifest import sign
from migrationops.conf import get_conf
from migrationops.exceptions import BackupError, StoppedError
from migrationops.progress import Progress, ProgressCallback, State, silent
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.restore import Request, restore_backup
from tests.roles import AS_OWNER, needs_createdb

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = [needs_createdb, pytest.mark.postgres_tools]


def at(label: str, state: State) -> ProgressCallback:
    """Return a report that is interrupted there, as by Ctrl-C."""

    def report(event: Progress) -> None:
        if (event.label, event.state) == (label, state):
            raise KeyboardInterrupt

    return report


def restore(box: Sandbox, report: ProgressCallback) -> None:
    restore_backup(Request(alias=box.alias, accept_missing=bool(AS_OWNER)), report)


def last_run(box: Sandbox) -> tuple[object, ...]:
    query = (
        "SELECT state, exit_code, error, remedy FROM migrationops_run "
        "ORDER BY started_at DESC LIMIT 1"
    )
    with box.connect() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def test_before_the_swap_nothing_has_changed(stamped: Sandbox) -> None:
    backup(BackupRequest(alias=stamped.alias), silent)
    live = stamped.sql("SELECT oid FROM pg_database WHERE datname = current_database()")

    with pytest.raises(StoppedError, match=r"data of .* was not changed") as caught:
        restore(stamped, at("swap", State.STARTED))

    assert "Run the same command again" in caught.value.remedy
    assert last_run(stamped) == ("stopped", 130, str(caught.value), caught.value.remedy)
    query = "SELECT oid FROM pg_database WHERE datname = current_database()"
    assert stamped.sql(query) == live


def test_after_the_swap_nobody_is_told_to_restore_again(stamped: Sandbox) -> None:
    backup(BackupRequest(alias=stamped.alias), silent)

    with pytest.raises(StoppedError, match=r"The backup is live .* is kept") as caught:
        restore(stamped, at("swap", State.DONE))

    (kept,) = stamped.names() - {stamped.name}
    assert kept in str(caught.value)
    assert "Nothing needs to be restored again" in caught.value.remedy
    assert last_run(stamped) == ("stopped", 130, str(caught.value), caught.value.remedy)


def test_a_backup_that_is_stopped_is_none(stamped: Sandbox) -> None:
    with pytest.raises(StoppedError, match="database was not changed") as caught:
        backup(BackupRequest(alias=stamped.alias), at("prove", State.STARTED))

    assert "migrations" not in str(caught.value).lower()
    assert list(stamped.directory.iterdir()) == []


def test_the_newest_is_named_where_none_was(stamped: Sandbox) -> None:
    """A newer one that cannot be used was passed over."""
    older = backup(BackupRequest(alias=stamped.alias), silent).backup
    newer = backup(BackupRequest(alias=stamped.alias), silent).backup
    (stamped.directory / newer.archive).unlink()
    told: list[str] = []

    restore(stamped, lambda event: told.append(event.label))

    assert told[0] == f"the newest usable backup is {older.id}"


def test_another_databases_backup_is_called_so(stamped: Sandbox) -> None:
    own = backup(BackupRequest(alias=stamped.alias), silent).backup
    theirs = sign(replace(own, database="theirs"), get_conf())
    catalog.write(stamped.directory, theirs)
    request = Request(alias=stamped.alias, backup=own.id, accept_missing=bool(AS_OWNER))
    told: list[str] = []

    restore_backup(request, lambda event: told.append(event.label))

    assert told[0] == f"{own.id} is a backup of another database, 'theirs'"


def test_lost_keys_are_not_taken_for_lost_backups(stamped: Sandbox) -> None:
    backup(BackupRequest(alias=stamped.alias), silent)
    (manifest,) = stamped.directory.glob("*.json")
    manifest.write_text(manifest.read_text().replace("sequences", "séquences"))

    with pytest.raises(BackupError, match="1 manifest there cannot be used") as caught:
        restore(stamped, silent)

    assert "backups list" in caught.value.remedy
