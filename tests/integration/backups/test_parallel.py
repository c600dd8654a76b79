"""The directory format: several workers, several files, the same promises."""

from __future__ import annotations

import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from migrationops.backups import catalog, directory, verify
from migrationops.backups import manifest as manifests
from migrationops.backups.parallel import jobs_for
from migrationops.backups.retention import Retention
from migrationops.conf import Proof, get_conf
from migrationops.exceptions import (
    BackupError,
    ManifestError,
    PreconditionError,
    QueuedError,
    ToolFailedError,
)
from migrationops.progress import Progress, silent
from migrationops.workflows import backups
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.expire_backups import Request as ExpireRequest
from migrationops.workflows.expire_backups import expire_backups
from migrationops.workflows.restore import Request, restore_backup
from tests.integration.backups.test_commands import call_json
from tests.roles import AS_OWNER, needs_createdb

if TYPE_CHECKING:
    import pytest_django.fixtures

    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
TABLES = """
CREATE TABLE item AS
SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 3000) i;
CREATE TABLE other AS SELECT generate_series(1, 50) AS n;
SELECT lo_from_bytea(0, 'large');
"""


def take(box: Sandbox, proof: Proof = Proof.COUNTED) -> Manifest:
    box.sql(TABLES)
    return backup(BackupRequest(alias=box.alias, jobs=2, proof=proof), silent).backup


def test_workers_that_would_shut_others_out_are_refused(stamped: Sandbox) -> None:
    query = "SELECT current_setting('max_connections')::int"
    with pytest.raises(PreconditionError, match="left for everybody") as caught:
        backup(BackupRequest(alias=stamped.alias, jobs=stamped.sql(query)), silent)
    assert "--jobs" in caught.value.remedy


@needs_createdb
def test_it_is_taken_proven_restored_and_expired(stamped: Sandbox) -> None:
    manifest = take(stamped, Proof.RESTORED)
    assert (manifest.format, manifest.proof.level) == ("directory", Proof.RESTORED)
    assert manifest.proof.rows == manifest.rows + 1
    place = stamped.directory / manifest.archive
    assert {stamped.directory / f.name for f in manifest.files} == set(place.iterdir())
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in place.iterdir()} == {0o600}
    listing = catalog.list_backups(stamped.directory, get_conf())
    assert listing == catalog.Listing(backups=(manifest,))

    (held,) = backups.verify_backups(
        alias=stamped.alias, identifier=None, level=Proof.COUNTED, report=silent
    )
    assert held.problem == ""
    request = Request(alias=stamped.alias, accept_missing=bool(AS_OWNER))
    restore_backup(request, silent)
    assert stamped.sql("SELECT count(*) FROM item") == 3000

    other = backup(BackupRequest(alias=stamped.alias), silent).backup
    retention = Retention(last=1, days=0, daily=0, weekly=0, monthly=0)
    expire_backups(ExpireRequest(alias=stamped.alias, retention=retention, apply=True))
    left = {path.name for path in stamped.directory.iterdir()}
    assert left == {other.archive, f"{other.id}.json"}


def test_each_file_is_looked_at(stamped: Sandbox) -> None:
    manifest = take(stamped, Proof.DECODED)
    archive = stamped.directory / manifest.archive
    for item in manifest.files:
        path = stamped.directory / item.name
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        with pytest.raises(BackupError, match="SHA-256 differs"):
            verify.check_archive(archive, manifest)
        path.write_bytes(whole[:-1])
        (unusable,) = catalog.list_backups(stamped.directory, get_conf()).unusable
        assert "it is damaged" in unusable.problem
        path.write_bytes(whole)
    verify.check_archive(archive, manifest)


# `small` comes last; first we hold it, then pg_dump's leader, then one of its workers.
BIG = """
CREATE TABLE big AS SELECT i, md5(i::text) FROM generate_series(1, 100000) i;
CREATE TABLE huge AS SELECT i, md5(i::text) FROM generate_series(1, 100000) i;
CREATE TABLE small (id int);
"""
HOLDERS = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE relation = 'small'::regclass AND mode = 'AccessShareLock' AND granted
"""


@contextmanager
def altering(box: Sandbox, *, holders: int, times: int) -> Iterator[None]:
    """So many times, queue a real ALTER behind this many who hold the table."""
    over = threading.Event()

    def alter() -> None:
        with box.connect() as watch, box.connect() as client:
            for number in range(times):
                while watch.execute(HOLDERS).fetchone() != (holders,):
                    if over.wait(0.001):
                        return
                client.execute(f"ALTER TABLE small ADD c{number} int".encode())

    thread = threading.Thread(target=alter)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.faults
def test_who_queues_behind_the_workers_is_let_through(stamped: Sandbox) -> None:
    stamped.sql(BIG)
    told: list[Progress] = []
    request = BackupRequest(alias=stamped.alias, jobs=2, proof=Proof.COUNTED)
    with altering(stamped, holders=2, times=1):
        manifest = backup(request, told.append).backup
    assert "dump again" in [event.label for event in told]
    assert manifest.format == "directory"
    assert manifest.proof.rows == manifest.rows
    missing = bool(AS_OWNER)
    restore_backup(Request(alias=stamped.alias, accept_missing=missing), silent)
    assert stamped.sql("SELECT count(c0) FROM small") == 0  # it is in the dump


@pytest.mark.faults
@pytest.mark.parametrize("jobs", [1, 2])
def test_who_queues_before_pg_dump_again_and_again_is_named(
    stamped: Sandbox, jobs: int
) -> None:
    stamped.sql(BIG)
    request = BackupRequest(alias=stamped.alias, jobs=jobs)
    with (
        altering(stamped, holders=1, times=2),
        pytest.raises(QueuedError, match=r"(?s)ACCESS EXCLUSIVE.*small") as caught,
    ):
        backup(request, silent)
    assert "take the backup again" in caught.value.remedy
    assert list(stamped.directory.iterdir()) == []
    assert stamped.sql("SELECT count(c1) FROM small") == 0
    assert backup(request, silent).backup.proof.level > Proof.NONE


@pytest.mark.parametrize("name", ["{}.dump/../x", "x/toc.dat", "{}.dump/a/b", "/etc"])
def test_a_manifest_that_leaves_its_directory_is_refused(
    stamped: Sandbox, name: str
) -> None:
    manifest = take(stamped, Proof.DECODED)
    stray = replace(manifest.files[0], name=name.format(manifest.id))
    forged = manifests.sign(replace(manifest, files=(stray,)), get_conf())
    catalog.write(stamped.directory, forged)
    with pytest.raises(ManifestError, match="names other files"):
        catalog.read(stamped.directory, manifest.id, get_conf())


def test_a_symbolic_link_in_place_of_its_directory_is_refused(
    stamped: Sandbox,
) -> None:
    manifest = take(stamped, Proof.DECODED)
    archive, elsewhere = stamped.directory / manifest.archive, stamped.directory / "x"
    archive.rename(elsewhere)
    archive.symlink_to(elsewhere)
    with pytest.raises(ManifestError, match="is a symbolic link"):
        catalog.read(stamped.directory, manifest.id, get_conf())


def test_a_full_disk_and_a_dead_writer_leave_nothing(stamped: Sandbox) -> None:
    stamped.directory.mkdir(mode=0o700, exist_ok=True)
    dead = stamped.directory / f"backup-test-1-x-1.dump{directory.PARTIAL}"
    dead.mkdir()
    dead.joinpath("toc.dat").touch()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises((BackupError, ToolFailedError), match="pg_dump"):
            take(stamped)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(stamped.directory.iterdir()) == []


def test_its_files_go_to_a_storage_and_come_back(
    stamped: Sandbox, settings: pytest_django.fixtures.SettingsWrapper
) -> None:
    stored = stamped.directory.parent / "stored"
    settings.STORAGES = {**settings.STORAGES, "safe": _files(stored)}
    settings.MIGRATIONOPS = {**settings.MIGRATIONOPS, "BACKUP_STORAGE": "safe"}
    manifest = take(stamped)
    assert len(manifest.copies) == len(manifest.files)
    (held,) = backups.verify_backups(
        alias=stamped.alias, identifier=None, level=Proof.DECODED, report=silent
    )
    assert held.copies == len(manifest.copies)
    directory.remove(stamped.directory / manifest.archive)
    stamped.directory.joinpath(f"{manifest.id}.json").unlink()

    assert call_json(stamped, "backups", "fetch", manifest.id)
    verify.check_archive(stamped.directory / manifest.archive, manifest)


def _files(place: Any) -> dict[str, Any]:
    backend = "django.core.files.storage.FileSystemStorage"
    return {"BACKEND": backend, "OPTIONS": {"location": place}}


def test_a_big_database_has_more_than_one_worker() -> None:
    assert [jobs_for(int(size)) for size in (1e6, 9e9, 1e10)] == [1, 1, 2]
