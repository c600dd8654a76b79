"""How a backup is proven: the file, the whole archive, its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from migrationops.backups import directory
from migrationops.backups.engine import LARGE_OBJECTS, Engine
from migrationops.backups.manifest import File, Manifest, ProofRecord
from migrationops.backups.source import Source
from migrationops.conf import Proof
from migrationops.exceptions import BackupError

_CHUNK = 1 << 20


def check_file(path: Path, expected: File) -> None:
    """Compare SHA-256 with the manifest's; raise BackupError when they differ."""
    with directory.open_file(path) as file:
        found = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    if found.hexdigest() != expected.sha256:
        raise BackupError(
            f"{path.name} is not what was written: its SHA-256 differs from the "
            "manifest's. Nothing was changed.",
            remedy="Use another backup: manage.py backups list",
        )


def prove(
    engine: Engine, source: Source, manifest: Manifest, archive: Path, level: Proof
) -> ProofRecord:
    """Prove an archive to `decoded` or `counted`; the file's hash first.

    Raises BackupError when it does not hold.
    """
    if level is Proof.NONE:
        return ProofRecord()
    check_file(archive, manifest.file)
    found = engine.read_back(source, manifest, archive)
    rows = 0
    if level >= Proof.COUNTED:
        rows = _compare(manifest, found)
    return ProofRecord(level=min(level, Proof.COUNTED), at=datetime.now(UTC), rows=rows)


def _compare(manifest: Manifest, found: Mapping[str, int]) -> int:
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
