"""Copies in a storage: encrypted, read back, fetched; a directory and a real S3 API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from django.core.files.storage import storages

from migrationops.backups import catalog, encryption, storage
from migrationops.backups.take import take_backup
from migrationops.conf import Conf, Proof
from migrationops.exceptions import BackupError, ConfigurationError, ManifestError
from migrationops.management.backup_reports import backups_text
from migrationops.progress import silent
from migrationops.workflows.backups import Listed

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
ITEMS = "CREATE TABLE item AS SELECT i, md5(i::text) FROM generate_series(1, 3000) i"


@pytest.fixture
def stored(tmp_path: Path, settings: Any) -> Path:
    """Make a storage `vault`, which is a directory elsewhere."""
    settings.STORAGES = {
        **settings.STORAGES,
        "vault": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "vault"},
        },
    }
    return tmp_path / "vault"


@pytest.fixture
def identity(tmp_path: Path) -> tuple[Path, str]:
    """Return a file with a secret key, and the public one."""
    key = pyrage.x25519.Identity.generate()
    path = tmp_path / "identity"
    path.write_text(f"# created\n{key}\n")
    return path, str(key.to_public())


def take(box: Sandbox, conf: Conf) -> Manifest:
    return take_backup(
        alias=box.alias, conf=conf, run_id="1", proof=Proof.COUNTED, report=silent
    )


def listed(conf: Conf) -> str:
    return backups_text(
        Listed(directory="", listing=storage.list_stored(conf), databases=())
    )


def forget_local(box: Sandbox) -> None:
    for path in box.directory.iterdir():
        path.unlink()


def test_a_backup_survives_the_loss_of_its_host(
    sandbox: Sandbox, stored: Path, identity: tuple[Path, str]
) -> None:
    sandbox.sql(ITEMS)
    conf = sandbox.conf(backup_storage="vault", recipients=[identity[1]])
    manifest = take(sandbox, conf)
    assert {p.name for p in stored.iterdir()} == {
        f"{manifest.id}.dump.age",
        f"{manifest.id}.json",
    }
    assert not (stored / manifest.copies[0].name).read_bytes().startswith(b"PGDMP")
    assert {p.name for p in sandbox.directory.iterdir()} == {
        f"{manifest.id}.dump",
        f"{manifest.id}.json",
    }
    forget_local(sandbox)
    assert storage.list_stored(conf).backups == (manifest,)
    assert "counted, 3,000 rows; in storage: encrypted" in listed(conf)
    with pytest.raises(BackupError, match="encrypted") as caught:
        storage.fetch(sandbox.directory, manifest.id, conf, None)
    assert "--identity" in caught.value.remedy
    fetched = storage.fetch(sandbox.directory, manifest.id, conf, identity[0])
    catalog.write(sandbox.directory, fetched)
    assert catalog.list_backups(sandbox.directory, conf).backups == (manifest,)


def test_a_stranger_s_key_opens_nothing(
    sandbox: Sandbox, stored: Path, identity: tuple[Path, str], tmp_path: Path
) -> None:
    conf = sandbox.conf(backup_storage="vault", recipients=[identity[1]])
    manifest = take(sandbox, conf)
    forget_local(sandbox)
    other = tmp_path / "other"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(BackupError, match="cannot be decrypted: No matching") as wrong:
        storage.fetch(sandbox.directory, manifest.id, conf, other)
    assert "secret key of one of its recipients" in wrong.value.remedy
    assert list(sandbox.directory.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"\xd0\xff", b"AGE-SECRET-KEY-1X", b"# no"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BackupError, match="No age secret key") as caught:
        encryption.identities(file)
    assert str(file) in str(caught.value)
    assert "--identity" in caught.value.remedy


def test_what_cannot_be_fetched_is_told_from_a_storage_that_fails(
    sandbox: Sandbox, stored: Path
) -> None:
    conf = sandbox.conf(backup_storage="vault")
    with pytest.raises(BackupError, match="no backup-lost in the storage"):
        storage.fetch(sandbox.directory, "backup-lost", conf, None)
    with pytest.raises(ManifestError, match="not the name of a backup"):
        storage.fetch(sandbox.directory, "../../etc/passwd", conf, None)
    with pytest.raises(ConfigurationError, match="is not set"):
        storage.fetch(sandbox.directory, "backup-lost", sandbox.conf(), None)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"backup_storage": "nowhere"}, "BACKUP_STORAGE"),
        ({"backup_storage": "vault", "recipients": ["age1typo"]}, "RECIPIENTS"),
    ],
)
def test_what_no_upload_could_use_is_said_before_the_dump(
    sandbox: Sandbox, stored: Path, values: dict[str, Any], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name}.*Nothing was changed"):
        take(sandbox, sandbox.conf(**values))
    assert not sandbox.directory.exists()


def test_a_copy_that_was_altered_is_found_when_it_is_fetched(
    sandbox: Sandbox, stored: Path
) -> None:
    sandbox.sql(ITEMS)
    conf = sandbox.conf(backup_storage="vault")
    manifest = take(sandbox, conf)
    assert "in storage: read back, the same bytes" in listed(conf)
    forget_local(sandbox)
    copy = stored / manifest.file.name
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(BackupError, match="SHA-256 differs"):
        storage.fetch(sandbox.directory, manifest.id, conf, None)
    assert list(sandbox.directory.iterdir()) == []


def test_fetching_again_mends_what_was_damaged_here(
    sandbox: Sandbox, stored: Path
) -> None:
    conf = sandbox.conf(backup_storage="vault")
    manifest = take(sandbox, conf)
    path = sandbox.directory / manifest.file.name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    storage.fetch(sandbox.directory, manifest.id, conf, None)
    storage.fetch(sandbox.directory, manifest.id, conf, None)
    assert path.read_bytes() == whole


def test_a_storage_that_keeps_something_else_is_found_at_once(
    sandbox: Sandbox, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = sandbox.conf(backup_storage="vault")
    save = type(storages["vault"]).save

    def damage(self: Any, name: str, content: Any, **kwargs: Any) -> str:
        given: str = save(self, name, content, **kwargs)
        path = Path(self.path(given))
        path.write_bytes(path.read_bytes()[:-1])
        return given

    monkeypatch.setattr(type(storages["vault"]), "save", damage)
    with pytest.raises(BackupError, match="not in the storage what was sent"):
        take(sandbox, conf)
    assert not list(stored.glob("*.json"))


def test_where_the_host_may_be_lost_one_that_was_not_copied_is_not_enough(
    sandbox: Sandbox, stored: Path
) -> None:
    sandbox.directory.mkdir(mode=0o700)
    conf = sandbox.conf(
        environment="production",
        signing_keys=["k"],
        backup_storage="vault",
        policy={"backup": "counted"},
    )
    stored.write_text("no directory")
    with pytest.raises(BackupError, match="storage 'vault' failed"):
        take(sandbox, conf)
    listing = catalog.list_backups(sandbox.directory, conf)
    assert len(listing.backups) == 1
    assert catalog.fresh(listing, conf, sandbox.name) is None
    outlives = replace(conf, backup_dir_outlives_host=True)
    assert catalog.fresh(listing, outlives, sandbox.name) == listing.backups[0]
    stored.unlink()
    copied = storage.upload(sandbox.directory, listing.backups[0], conf)
    catalog.write(sandbox.directory, copied)
    listing = catalog.list_backups(sandbox.directory, conf)
    assert catalog.fresh(listing, conf, sandbox.name) == copied


def test_what_was_damaged_after_its_proof_is_not_copied(
    sandbox: Sandbox, stored: Path
) -> None:
    manifest = take(sandbox, sandbox.conf())
    path = sandbox.directory / manifest.file.name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    conf = sandbox.conf(backup_storage="vault")
    with pytest.raises(BackupError, match="SHA-256 differs"):
        storage.upload(sandbox.directory, manifest, conf)
    assert not stored.exists()


def test_an_unknown_storage_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        take(sandbox, sandbox.conf(backup_storage="nowhere"))


@pytest.fixture
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Conf]:
    """Run moto's S3 server and make a storage `s3` in it."""
    boto3 = pytest.importorskip("boto3")
    server_module = pytest.importorskip("moto.server")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(
        Bucket="backups"
    )
    settings.STORAGES = {
        **settings.STORAGES,
        "s3": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": "backups",
                "endpoint_url": url,
                "region_name": "us-east-1",
                "file_overwrite": False,
            },
        },
    }
    yield
    server.stop()


@pytest.mark.usefixtures("bucket")
def test_an_s3_bucket_keeps_and_gives_back(sandbox: Sandbox) -> None:
    # More than one part of a multipart upload, and nothing that compresses.
    sandbox.sql(
        "CREATE TABLE blob AS "
        "SELECT string_agg(sha512((i * 1000 + j)::text::bytea), '') "
        "FROM generate_series(1, 250) i, "
        "generate_series(1, 700) j GROUP BY i"
    )
    conf = sandbox.conf(backup_storage="s3")
    manifest = take(sandbox, conf)
    assert manifest.size > 8 << 20
    forget_local(sandbox)
    assert storage.list_stored(conf).backups == (manifest,)
    storage.fetch(sandbox.directory, manifest.id, conf, None)
    storage.delete(manifest, conf)
    assert storage.list_stored(conf).backups == ()
