"""List backups, and prove them again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from migrationops import stamp
from migrationops.backups import catalog, derived, directory, storage
from migrationops.backups.catalog import Listing
from migrationops.backups.derived import Derived
from migrationops.backups.engines import engine_of, left_behind
from migrationops.backups.manifest import Manifest, sign
from migrationops.backups.presence import present
from migrationops.backups.proof import Archive, Reading, prove
from migrationops.backups.source import open_source
from migrationops.conf import Proof, get_conf
from migrationops.exceptions import MigrationOpsError
from migrationops.progress import Progress, ProgressCallback, Stage, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The backups of a directory, and the databases that restores left beside.

    `notes` say what goes on that no backup accounts for.
    """

    directory: str
    listing: Listing
    databases: tuple[Derived, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "directory": self.directory,
            "backups": [m.to_json() for m in self.listing.backups],
            "unusable": [asdict(u) for u in self.listing.unusable],
            "leftovers": list(self.listing.leftovers),
            "databases": [asdict(d) for d in self.databases],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A backup that was looked at again; `problem` is empty when it holds.

    `copies` are its files in a storage, which were not looked at.
    """

    id: str
    level: str
    rows: int
    problem: str = ""
    copies: int = 0


def list_backups(*, alias: str) -> Listed:
    """List what is there; changes nothing."""
    conf = get_conf()
    place = directory.backup_directory(conf)
    source = open_source(alias, conf)
    with source.maintenance() as connection:
        databases = derived.find_derived(connection, source.database)
    listing = catalog.list_backups(place, conf)
    return Listed(
        directory=str(place),
        listing=present(listing, source),
        databases=databases,
        notes=left_behind(listing, conf),
    )


def list_stored() -> Listed:
    """List what lies in BACKUP_STORAGE, whatever host it came from."""
    conf = get_conf()
    return Listed(
        directory=f"storage {conf.backup_storage!r}",
        listing=storage.list_stored(conf),
        databases=(),
    )


def fetch_backup(*, identifier: str, identity: Path | None) -> Manifest:
    """Bring a backup from BACKUP_STORAGE into the directory, compared and listed."""
    conf = get_conf()
    place = directory.backup_directory(conf)
    manifest = storage.fetch(place, identifier, conf, identity)
    catalog.write(place, manifest)
    return manifest


def verify_backups(
    *, alias: str, identifier: str | None, level: Proof, report: ProgressCallback
) -> tuple[Verified, ...]:
    """Prove one backup, or all, to this level, and note in the manifest what held."""
    conf = get_conf()
    stamp.require_environment(alias, conf)
    place = directory.backup_directory(conf)
    source = open_source(alias, conf)
    listing = present(catalog.list_backups(place, conf), source)
    chosen = [m for m in listing.backups if identifier in (None, m.id)]
    if identifier is not None and not chosen:
        chosen = [catalog.read(place, identifier, conf)]
    broken = [
        Verified(id=u.id, level="none", rows=0, problem=u.problem)
        for u in listing.unusable
        if identifier is None
    ]
    once = Reading()
    return (*(_verify(alias, m, level, report, once) for m in chosen), *broken)


def _verify(
    alias: str,
    manifest: Manifest,
    level: Proof,
    report: ProgressCallback,
    reading: Reading,
) -> Verified:
    conf = get_conf()
    place = directory.backup_directory(conf)
    report(_told(manifest.id, State.STARTED))
    try:
        proof = prove(
            engine_of(manifest),
            open_source(alias, conf),
            Archive(manifest=manifest, path=place / manifest.archive),
            level,
            report=report,
            reading=reading,
        )
    except MigrationOpsError as exc:
        report(_told(manifest.id, State.FAILED))
        return Verified(id=manifest.id, level="none", rows=0, problem=str(exc))
    if proof.level >= manifest.proof.level:
        catalog.write(place, sign(replace(manifest, proof=proof), conf))
    report(_told(manifest.id, State.DONE))
    return Verified(
        id=manifest.id,
        level=proof.level.name.lower(),
        rows=proof.rows,
        copies=len(manifest.copies),
    )


def _told(label: str, state: State) -> Progress:
    return Progress(stage=Stage.BACKUP, state=state, label=label)
