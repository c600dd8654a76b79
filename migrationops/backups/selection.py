"""Which backup a restore is of, and whether it may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migrationops.backups import catalog, directory
from migrationops.backups.engine import Engine
from migrationops.backups.engines import database_engine_of
from migrationops.backups.manifest import Manifest
from migrationops.backups.source import Source
from migrationops.exceptions import ManifestError, RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A manifest, where its archive lies, and the engine that reads it."""

    manifest: Manifest
    archive: Path
    engine: Engine


def find_backup(source: Source, identifier: str | None, *, trust: bool) -> Backup:
    """Return the named backup, or the newest of the source's database.

    Raises ManifestError for one of another environment, unless it is trusted, and
    RefusedError for one of a whole cluster.
    """
    conf = source.conf
    place = directory.backup_directory(conf)
    found = catalog.find(place, identifier, conf, source.database, trust=trust)
    if found.environment != conf.environment and not trust:
        raise ManifestError(
            f"{found.id} is a backup of {found.environment}, the settings say "
            f"{conf.environment}. Nothing was changed.",
            remedy="Its data may not belong here. If it does: --trust.",
        )
    archive = place / found.archive
    engine = database_engine_of(found, archive)
    return Backup(manifest=found, archive=archive, engine=engine)


def check_whole(manifest: Manifest) -> None:
    """Raise RefusedError for a part, which must not stand in the place of all."""
    if manifest.part is None:
        return
    tables = ", ".join(manifest.part.tables)
    raise RefusedError(
        f"{manifest.id} holds the rows of {tables} only: swapped in, it would leave "
        "every other table empty. Nothing was changed.",
        remedy=f"manage.py restore {manifest.id} --into NAME, and copy rows back from "
        "there. The whole cluster goes back by the restore point of the same run: "
        "manage.py backups list",
    )
