"""What expiry deletes, in which order, and what it spares."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from migrationops.backups import catalog, derived, storage
from migrationops.backups.derived import Role
from migrationops.backups.part import Part
from migrationops.backups.retention import Retention
from migrationops.backups.take import take_backup
from migrationops.conf import Proof, get_conf
from migrationops.exceptions import BackupError
from migrationops.models import Run
from migrationops.progress import silent
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.expire_backups import (
    KEPT_FOR,
    Report,
    Request,
    expire_backups,
)
from tests.roles import needs_createdb

if TYPE_CHECKING:
    import pytest_django.fixtures

    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
ONE = Retention(last=1, days=0, daily=0, weekly=0, monthly=0)


def take(box: Sandbox) -> Manifest:
    request = BackupRequest(alias=box.alias, proof=Proof.COUNTED)
    return backup(request, silent).backup


def expire(box: Sandbox, *, apply: bool = True) -> Report:
    return expire_backups(Request(alias=box.alias, retention=ONE, apply=apply))


def listed(box: Sandbox) -> list[str]:
    listing = catalog.list_backups(box.directory, get_conf())
    return [m.id for m in listing.backups]


def test_a_newer_part_does_not_hide_that_the_newest_is_damaged(
    stamped: Sandbox,
) -> None:
    good, damaged = take(stamped), take(stamped)
    take_backup(
        alias=stamped.alias,
        conf=get_conf(),
        run_id=uuid.uuid4().hex,
        proof=Proof.COUNTED,
        report=silent,
        part=Part(tables=("public.migrationops_stamp",), bytes=0),
    )
    path = stamped.directory / damaged.archive
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(BackupError, match="the newest proven one"):
        expire(stamped)
    assert good.id in listed(stamped)


def test_a_good_one_does_not_go_for_a_newer_one_that_is_damaged(
    stamped: Sandbox,
) -> None:
    """Counting files, or levels of the day of the proof, would delete the last."""
    good, damaged = take(stamped), take(stamped)
    path = stamped.directory / damaged.archive
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert listed(stamped) == [good.id, damaged.id]  # by its size it is whole
    for apply in (False, True):
        with pytest.raises(BackupError, match="the newest proven one") as caught:
            expire(stamped, apply=apply)
    assert "manage.py backup;" in caught.value.remedy
    assert listed(stamped) == [good.id, damaged.id]

    newest = take(stamped)
    expire(stamped)
    assert listed(stamped) == [newest.id]


@needs_createdb
def test_what_was_replaced_stays_for_a_week(stamped: Sandbox) -> None:
    now, made = datetime.now(UTC), {}
    with stamped.connect("postgres") as connection:
        for age in (KEPT_FOR - timedelta(hours=1), KEPT_FOR + timedelta(hours=1)):
            kept = derived.Derived(
                name=derived.derived_name(stamped.name),
                role=Role.KEPT,
                database=stamped.name,
                run="",
                backup="",
                at=now - age,
            )
            connection.execute(f'CREATE DATABASE "{kept.name}"'.encode())
            derived.describe(connection, kept)
            made[age > KEPT_FOR] = kept.name
    assert timedelta(days=7) == KEPT_FOR
    assert expire(stamped).databases == (made[True],)
    assert stamped.names() == {stamped.name, made[False]}


def test_a_file_that_somebody_may_be_copying_in_stays(stamped: Sandbox) -> None:
    take(stamped)
    young, old = (stamped.directory / f"backup-test-{n}.dump" for n in ("new", "old"))
    for path in (young, old):
        path.write_bytes(b"no manifest yet")
    os.utime(old, (0, 0))
    assert expire(stamped).leftovers == (old.name,)
    assert young.exists()
    assert not old.exists()


def test_a_backup_that_a_failed_run_refers_to_stays(stamped: Sandbox) -> None:
    took, reused = take(stamped), take(stamped)
    newest = take(stamped)
    own = Run.objects.using(stamped.alias).filter(id=took.run)
    own.update(state=Run.State.FAILED, backup={})  # it died before it noted it
    other = Run.objects.using(stamped.alias).get(id=newest.run)
    other.pk, other.state = None, Run.State.DIFFERS
    other.backup = reused.to_json()
    other.save(using=stamped.alias)
    assert expire(stamped).expiry.expired == ()
    assert listed(stamped) == [took.id, reused.id, newest.id]


def test_the_manifest_goes_first_and_the_copies_too(
    stamped: Sandbox,
    settings: pytest_django.fixtures.SettingsWrapper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed in between, a file is left that is no backup: never half of one."""
    location = stamped.directory.parent / "vault"
    backend = "django.core.files.storage.FileSystemStorage"
    vault = {"BACKEND": backend, "OPTIONS": {"location": location}}
    settings.STORAGES = {**settings.STORAGES, "vault": vault}
    settings.MIGRATIONOPS = {**settings.MIGRATIONOPS, "BACKUP_STORAGE": "vault"}
    old, newest = take(stamped), take(stamped)
    gone: list[str] = []
    unlink = Path.unlink

    def note(self: Path, **values: Any) -> None:
        gone.append(self.name)
        unlink(self, **values)

    monkeypatch.setattr(Path, "unlink", note)
    expire(stamped)
    assert gone == [f"{old.id}.json", old.archive]
    assert listed(stamped) == [newest.id]
    assert storage.list_stored(get_conf()).backups == (newest,)
    assert {p.name for p in location.iterdir()} == {
        f"{newest.id}.json",
        newest.archive,
    }
