"""Whether a backup still is what was written, and holds what was counted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from migrationops.backups import directory
from migrationops.backups.engine import LARGE_OBJECTS
from migrationops.backups.manifest import File, Manifest
from migrationops.exceptions import BackupError, DamagedError

_CHUNK = 1 << 20


def check_archive(archive: Path, manifest: Manifest) -> None:
    """Compare every file's SHA-256 with the manifest's; raise DamagedError."""
    for item in manifest.files:
        is_part = manifest.format == "directory"
        path = archive / Path(item.name).name if is_part else archive
        check_file(path, item)


def hash_file(path: Path) -> str:
    """Return a file's SHA-256; a symbolic link is refused."""
    found = hashlib.sha256()
    with directory.open_file(path) as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def check_file(path: Path, expected: File) -> None:
    """Compare SHA-256 with the manifest's; raise DamagedError when they differ."""
    if hash_file(path) != expected.sha256:
        raise DamagedError(
            f"{path.name} is not what was written: its SHA-256 differs from the "
            "manifest's. Nothing was changed.",
            remedy="Use another backup: manage.py backups list",
        )


def compare_rows(manifest: Manifest, found: Mapping[str, int]) -> int:
    """Compare rows with those counted under the snapshot; return how many."""
    expected = {t.qualified_name: t.rows for t in manifest.tables}
    expected[LARGE_OBJECTS] = manifest.large_objects
    differences = [
        f"{name}: {found.get(name, 0):,} instead of {rows:,}"
        for name, rows in expected.items()
        if found.get(name, 0) != rows
    ]
    if differences:
        raise BackupError(
            "The archive does not hold the rows that were counted under its "
            f"snapshot ({'; '.join(differences[:10])}). It is no backup; the "
            "database was not changed.",
            remedy="Take another; if it happens again, keep the log and report it.",
        )
    return sum(expected.values())
