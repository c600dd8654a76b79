"""The engines there are, by name."""

from __future__ import annotations

from migrationops.backups.engine import Engine
from migrationops.backups.manifest import Manifest
from migrationops.backups.pg_dump import PgDump
from migrationops.backups.template import Template
from migrationops.exceptions import ManifestError

ENGINES: dict[str, Engine] = {PgDump.name: PgDump(), Template.name: Template()}


def engine_of(manifest: Manifest) -> Engine:
    """Return the engine that made the backup; raise ManifestError when unknown."""
    try:
        return ENGINES[manifest.engine]
    except KeyError:
        raise ManifestError(
            f"{manifest.id} was made by {manifest.engine!r}, which this release does "
            "not know; nothing was changed.",
            remedy="Use the release of migrationops that made it, or a newer one.",
        ) from None
