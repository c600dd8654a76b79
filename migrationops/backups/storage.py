"""Copies of backups in a storage of Django's STORAGES: where no host can lose them.

Encrypted by age to RECIPIENTS before anything leaves the machine; read back and
compared after it left. The manifest goes last, here as on the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.files import File as DjangoFile
from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, Storage, storages

from migrationops.backups import catalog, directory, encryption, verify
from migrationops.backups import manifest as manifests
from migrationops.backups.catalog import Listing, Unusable
from migrationops.backups.manifest import Copy, File, Manifest
from migrationops.conf import Conf
from migrationops.exceptions import (
    BackupError,
    ConfigurationError,
    MigrationOpsError,
)

_CHUNK = 1 << 20


def open_storage(conf: Conf) -> Storage:
    """Return the storage that BACKUP_STORAGE names; raise ConfigurationError."""
    if not conf.backup_storage:
        raise ConfigurationError(
            'MIGRATIONOPS["BACKUP_STORAGE"] is not set: there is no storage to look '
            "in. Nothing was changed.",
            remedy="Name an alias of STORAGES.",
        )
    try:
        return storages[conf.backup_storage]
    except InvalidStorageError as exc:
        raise ConfigurationError(
            f'MIGRATIONOPS["BACKUP_STORAGE"] is {conf.backup_storage!r}: {exc} '
            "Nothing was changed.",
            remedy="Name an alias of STORAGES.",
        ) from exc


def check(conf: Conf) -> None:
    """Raise ConfigurationError for what an upload would stumble over, hours later."""
    open_storage(conf)
    encryption.recipients(conf)


def upload(place: Path, manifest: Manifest, conf: Conf) -> Manifest:
    """Copy a backup to the storage and read it back; return its signed manifest.

    Raises BackupError when what lies there is not what was sent.
    """
    store = open_storage(conf)
    with _told_apart(conf):
        copies = tuple(_send(store, place, item, conf) for item in manifest.files)
        copied = replace(manifest, copies=copies, recipients=conf.recipients)
        signed = manifests.sign(copied, conf)
        _save(store, f"{manifest.id}.json", ContentFile(manifests.serialise(signed)))
    return signed


def _send(store: Storage, place: Path, item: File, conf: Conf) -> Copy:
    """Send one file, as it was proven, and read it back."""
    name = item.name
    verify.check_file(place / name, item)
    with encryption.sealed(place, name, conf) as (path, sealed):
        with directory.open_file(path) as file:
            sent = _digest(file)
            file.seek(0)
            _save(store, sealed, DjangoFile(file))
        with store.open(sealed) as stored:
            if _digest(cast("BinaryIO", stored)) != sent:
                raise BackupError(
                    f"{name} is not in the storage what was sent there.",
                    remedy="See the storage's own log, then run the same command "
                    "again.",
                )
        size = path.stat().st_size
        return Copy(storage=conf.backup_storage, name=sealed, size=size, sha256=sent)


def fetch(place: Path, identifier: str, conf: Conf, identity: Path | None) -> Manifest:
    """Bring a backup back to the directory, decrypted and compared by SHA-256.

    What lies there under its name is replaced, damaged or not, once the copy is whole.
    `identity` is a file with an age secret key. Raises BackupError.
    """
    catalog.check_name(identifier)
    store = open_storage(conf)
    keys = encryption.identities(identity)
    with _told_apart(conf):
        if not store.exists(f"{identifier}.json"):
            raise BackupError(
                f"There is no {identifier} in the storage {conf.backup_storage!r}; "
                "nothing was changed.",
                remedy="See: manage.py backups list --stored",
            )
        manifest = _read(store, f"{identifier}.json", conf)
        for item, copy in zip(manifest.files, manifest.copies, strict=True):
            path = place / item.name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _fetch(store, copy, item, path, keys)
    return manifest


def _fetch(store: Storage, copy: Copy, item: File, path: Path, keys: list[Any]) -> None:
    with (
        directory.pending_file(path, replace=True) as pending,
        store.open(copy.name) as stored,
    ):
        encryption.unseal(cast("BinaryIO", stored), pending.file, copy.name, keys)
        pending.flush()
        with directory.open_file(pending.path) as file:
            if _digest(file) != item.sha256:
                raise BackupError(
                    f"{copy.name} is damaged: its SHA-256 differs.",
                    remedy="Fetch another backup; see: manage.py backups list",
                )
        pending.publish()


def list_stored(conf: Conf) -> Listing:
    """List the manifests that lie in the storage."""
    store = open_storage(conf)
    found: list[Manifest] = []
    unusable: list[Unusable] = []
    with _told_apart(conf):
        names = sorted(n for n in store.listdir("")[1] if n.endswith(".json"))
        for name in names:
            try:
                found.append(_read(store, name, conf))
            except MigrationOpsError as exc:
                identifier = name.removesuffix(".json")
                unusable.append(Unusable(id=identifier, problem=str(exc)))
    return Listing(backups=tuple(found), unusable=tuple(unusable))


def delete(manifest: Manifest, conf: Conf) -> None:
    """Remove a backup's copies, its manifest first."""
    store = open_storage(conf)
    with _told_apart(conf):
        store.delete(f"{manifest.id}.json")
        for copy in manifest.copies:
            store.delete(copy.name)


@contextmanager
def _told_apart(conf: Conf) -> Iterator[None]:
    """Turn whatever a storage's library raises into an error of ours."""
    try:
        yield
    except MigrationOpsError:
        raise
    except Exception as exc:
        raise BackupError(
            f"The storage {conf.backup_storage!r} failed: {type(exc).__name__}: {exc}. "
            "The database was not changed; the backup on the disk, if there is one, "
            "stays.",
            remedy="See to the storage and its credentials, and try again.",
        ) from exc


def _save(store: Storage, name: str, content: DjangoFile[Any]) -> None:
    """Save under just this name; a storage that chooses another is refused."""
    if (given := store.save(name, content)) != name:
        store.delete(given)
        raise BackupError(
            f"There is something named {name} in the storage already.",
            remedy="Look what lies there; a backup never replaces it.",
        )


def _read(store: Storage, name: str, conf: Conf) -> Manifest:
    with store.open(name) as file:
        return manifests.parse(file.read(), conf)


def _digest(file: BinaryIO) -> str:
    found = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()
