"""A backup is removed: its manifest first, without which there is no backup."""

from __future__ import annotations

from pathlib import Path

from migrationops.backups import catalog, directory, storage
from migrationops.backups.manifest import Manifest
from migrationops.conf import Conf


def remove_backup(place: Path, manifest: Manifest, conf: Conf) -> None:
    """Remove it with its copies."""
    if manifest.copies:
        storage.delete(manifest, conf)
    (place / f"{manifest.id}.json").unlink()
    directory.remove(place / manifest.archive)


def remove_superseded(place: Path, newest: Manifest, conf: Conf) -> None:
    """Remove the records of what a standby was paused for before: it stands once."""
    for manifest in catalog.list_backups(place, conf).backups:
        if manifest.pause and manifest.id != newest.id:
            remove_backup(place, manifest, conf)
