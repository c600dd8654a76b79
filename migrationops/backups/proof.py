"""How far a backup is proven: decoded, counted, restored. Each includes the last."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from migrationops.backups import build, derived, verify
from migrationops.backups.build import Built
from migrationops.backups.derived import Role
from migrationops.backups.engine import Engine
from migrationops.backups.manifest import Manifest, ProofRecord
from migrationops.backups.source import Source, proof_source
from migrationops.conf import Proof

NOT_CREATED = "restored: this role may not create databases"


def prove(
    engine: Engine, source: Source, manifest: Manifest, archive: Path, level: Proof
) -> ProofRecord:
    """Prove an archive; `rehearsed` is for a run of the plan to add.

    Where no database can be created the proof ends at `counted`, and says so.
    Raises BackupError when the archive does not hold.
    """
    if level is Proof.NONE:
        return ProofRecord()
    verify.check_file(archive, manifest.file)
    found = engine.read_back(source, manifest, archive)
    if level is Proof.DECODED:
        return ProofRecord(level=level, at=datetime.now(UTC))
    rows = verify.compare_rows(manifest, found)
    if level is Proof.COUNTED:
        return ProofRecord(level=level, at=datetime.now(UTC), rows=rows)
    return _restored(engine, source, manifest, archive, rows)


def _restored(
    engine: Engine, source: Source, manifest: Manifest, archive: Path, rows: int
) -> ProofRecord:
    place = proof_source(source)
    with place.maintenance() as connection:
        if not build.may_create(connection):
            return ProofRecord(
                level=Proof.COUNTED,
                at=datetime.now(UTC),
                rows=rows,
                skipped=(NOT_CREATED,),
            )
        derived.collect_abandoned(connection, source.database)
        built = _build(engine, place, manifest, archive)
        derived.drop(connection, built.database.name)
    return ProofRecord(
        level=Proof.RESTORED,
        at=datetime.now(UTC),
        rows=built.rows,
        skipped=built.skipped,
    )


def _build(engine: Engine, place: Source, manifest: Manifest, archive: Path) -> Built:
    return build.build(
        engine,
        place,
        manifest,
        archive,
        role=Role.SCRATCH,
        run=manifest.run,
        accept_missing=True,
    )
