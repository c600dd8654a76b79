"""How far a backup is proven: decoded, counted, restored. Each includes the last."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from migrationops.backups import build, derived, ready, verify
from migrationops.backups.build import Built
from migrationops.backups.derived import Role
from migrationops.backups.engine import Engine
from migrationops.backups.manifest import Manifest, ProofRecord
from migrationops.backups.source import Source, proof_source
from migrationops.conf import Proof
from migrationops.postgres import beside
from migrationops.postgres.databases import Connection

NOT_CREATED = "restored: this role may not create databases"


def prove(
    engine: Engine,
    source: Source,
    manifest: Manifest,
    archive: Path,
    level: Proof,
    *,
    keep: Role | None = None,
) -> ProofRecord:
    """Prove an archive; `rehearsed` is for a run of the plan to add.

    From `restored` on, `keep` leaves the restored database in that role: SCRATCH for
    a rehearsal, READY to be swapped in. Where no database can be created the proof
    ends at `counted`, and says so. Raises BackupError when the archive does not hold.
    """
    if level is Proof.NONE:
        return ProofRecord()
    started = time.monotonic()
    record = _prove(engine, source, manifest, archive, level, keep)
    seconds = round(time.monotonic() - started, 3)
    return replace(record, at=datetime.now(UTC), seconds=seconds)


def _prove(
    engine: Engine,
    source: Source,
    manifest: Manifest,
    archive: Path,
    level: Proof,
    keep: Role | None,
) -> ProofRecord:
    verify.check_file(archive, manifest.file)
    found = engine.read_back(source, manifest, archive)
    if level is Proof.DECODED:
        return ProofRecord(level=level)
    rows = verify.compare_rows(manifest, found)
    counted = ProofRecord(level=Proof.COUNTED, rows=rows)
    if level is Proof.COUNTED:
        return counted
    place = source if keep else proof_source(source)
    with place.maintenance() as connection:
        if not build.may_create(connection):
            return replace(counted, skipped=(NOT_CREATED,))
        built = _restored(engine, place, connection, manifest, archive, keep)
    return replace(counted, level=Proof.RESTORED, skipped=built.skipped)


def _restored(
    engine: Engine,
    place: Source,
    connection: Connection,
    manifest: Manifest,
    archive: Path,
    keep: Role | None,
) -> Built:
    derived.collect_abandoned(connection, place.database)
    built = build.build(
        engine,
        place,
        manifest,
        archive,
        role=keep or Role.SCRATCH,
        run=manifest.run,
        accept_missing=keep is not Role.READY,
    )
    if keep is None:
        beside.drop(connection, built.database.name)
    if keep is Role.READY:
        ready.close_up(connection, built.database)
    return built
