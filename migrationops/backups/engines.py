"""The engines there are, by name."""

from __future__ import annotations

from migrationops.backups.engine import Engine
from migrationops.backups.manifest import Manifest
from migrationops.backups.pg_dump import PgDump
from migrationops.exceptions import ManifestError

_ENGINES: dict[str, Engine] = {PgDump.name: PgDump()}


def engine_of(manifest: Manifest) -> Engine:
    """Return the engine that made the backup; raise ManifestError when unknown."""
    try:
        return _ENGINES[manifest.engine]
    except KeyError:
        raise ManifestError(
            f"{manifest.id} was made by {manifest.engine!r}, which this release does "
            "not know; nothing was changed."
        ) from None
