"""How far a backup is proven: decoded, counted, restored. Each includes the last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from migrationops.backups import build, burden, derived, ready, verify
from migrationops.backups.build import Built
from migrationops.backups.derived import Role
from migrationops.backups.engine import AnyEngine, ClusterEngine, Engine
from migrationops.backups.manifest import Manifest
from migrationops.backups.proof_record import ProofRecord
from migrationops.backups.source import Source, proof_source
from migrationops.conf import Proof
from migrationops.exceptions import MigrationOpsError
from migrationops.postgres import beside
from migrationops.postgres.databases import Connection
from migrationops.progress import ProgressCallback, silent

NOT_CREATED = "restored: this role may not create databases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is to be proven; `rows` if it was read back while it was written."""

    manifest: Manifest
    path: Path
    rows: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What has been read already, by engine: once is enough for all its backups."""

    found: dict[str, MigrationOpsError | None] = field(default_factory=dict)

    def read(self, engine: ClusterEngine, source: Source) -> None:
        """Have all that the engine keeps read, or raise what that had raised."""
        if engine.name not in self.found:
            self.found[engine.name] = None
            try:
                engine.read_all(source)
            except MigrationOpsError as exc:
                self.found[engine.name] = exc
        if (damage := self.found[engine.name]) is not None:
            raise damage


def prove(
    engine: AnyEngine,
    source: Source,
    archive: Archive,
    level: Proof,
    *,
    report: ProgressCallback = silent,
    keep: Role | None = None,
    reading: Reading | None = None,
) -> ProofRecord:
    """Prove an archive; `rehearsed` is for a run of the plan to add.

    From `restored` on, `keep` leaves the restored database in that role: SCRATCH for
    a rehearsal, READY to be swapped in. Where no database can be created the proof
    ends at `counted`, and says so. Raises BackupError when the archive does not hold.
    """
    if level is Proof.NONE:
        return ProofRecord()
    started = time.monotonic()
    if isinstance(engine, ClusterEngine):
        (reading or Reading()).read(engine, source)
        record = engine.prove(source, archive.manifest, archive.path, level)
    else:
        record = _prove(engine, source, archive, level, keep, report)
    seconds = round(time.monotonic() - started, 3)
    return replace(record, at=datetime.now(UTC), seconds=seconds)


def _prove(
    engine: Engine,
    source: Source,
    archive: Archive,
    level: Proof,
    keep: Role | None,
    report: ProgressCallback,
) -> ProofRecord:
    record = _read(engine, source, archive, level)
    if level >= Proof.RESTORED:
        place = source if keep else proof_source(source)
        with place.maintenance() as connection:
            if build.may_create(connection):
                built = _restored(engine, place, connection, archive, keep, report)
                record = replace(record, level=Proof.RESTORED, skipped=built.skipped)
            else:
                record = replace(record, skipped=(NOT_CREATED,))
    return record


def _read(
    engine: Engine, source: Source, archive: Archive, level: Proof
) -> ProofRecord:
    """Decode, and from `counted` on compare the rows.

    What was decoded on its way to the disk is on the disk, when the hashes agree.
    """
    manifest, found = archive.manifest, archive.rows
    verify.check_archive(archive.path, manifest)
    if found is None:
        found = engine.read_back(source, manifest, archive.path)
    if level is Proof.DECODED:
        return ProofRecord(level=level)
    rows = verify.compare_rows(manifest, found)
    return ProofRecord(level=Proof.COUNTED, rows=rows)


def _restored(
    engine: Engine,
    place: Source,
    connection: Connection,
    archive: Archive,
    keep: Role | None,
    report: ProgressCallback,
) -> Built:
    derived.collect_abandoned(connection, place.database)
    if not place.is_proof_server:
        burden.say(archive.manifest.database_bytes, report)
        burden.wait_for_replicas(connection, place, report)
    built = build.build(
        engine,
        place,
        archive.manifest,
        archive.path,
        role=keep or Role.SCRATCH,
        run=archive.manifest.run,
        accept_missing=keep is not Role.READY,
        report=report,
    )
    if keep is None:
        beside.drop(connection, built.database.name)
    if keep is Role.READY:
        ready.close_up(connection, built.database)
    return built
