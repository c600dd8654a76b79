"""The engines there are, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from migrationops.backups import verify
from migrationops.backups.catalog import Listing, Unusable
from migrationops.backups.engine import AnyEngine, ClusterEngine, Engine
from migrationops.backups.manifest import Manifest
from migrationops.backups.paused_standby import PausedStandby
from migrationops.backups.pg_dump import PgDump
from migrationops.backups.pgbackrest import PgBackRest
from migrationops.backups.template import Template
from migrationops.conf import Conf
from migrationops.exceptions import ManifestError, MigrationOpsError, RefusedError

_ALL: tuple[AnyEngine, ...] = (PgDump(), Template(), PgBackRest(), PausedStandby())
ENGINES = {engine.name: engine for engine in _ALL}


def engine_of(manifest: Manifest) -> AnyEngine:
    """Return the engine that made the backup; raise ManifestError when unknown."""
    try:
        return ENGINES[manifest.engine]
    except KeyError:
        raise ManifestError(
            f"{manifest.id} was made by {manifest.engine!r}, which this release does "
            "not know; nothing was changed.",
            remedy="Use the release of migrationops that made it, or a newer one.",
        ) from None


def database_engine_of(manifest: Manifest, archive: Path) -> Engine:
    """Return the engine that restores this one database.

    Raises RefusedError, with the commands, for a backup of a whole cluster.
    """
    engine = engine_of(manifest)
    if not isinstance(engine, ClusterEngine):
        return engine
    verify.check_archive(archive, manifest)
    raise RefusedError(
        f"{manifest.id} is of the whole cluster, and is gone back to by hand. Nothing "
        f"was changed.\n\n{archive.read_text()}",
        remedy="Read all of it, then run its commands.",
    )


def confirmed(listing: Listing, conf: Conf) -> Listing:
    """Ask those that keep backups elsewhere; what is gone there is unusable."""
    lost: list[Unusable] = []
    for engine in _ALL:
        own = [m for m in listing.backups if m.engine == engine.name]
        if own and isinstance(engine, ClusterEngine):
            lost += _lost(engine, own, conf)
    ids = {unusable.id for unusable in lost}
    return replace(
        listing,
        backups=tuple(m for m in listing.backups if m.id not in ids),
        unusable=(*listing.unusable, *lost),
    )


def left_behind(listing: Listing, conf: Conf) -> tuple[str, ...]:
    """Say what is going on that no backup accounts for; an engine may not answer."""
    said: list[str] = []
    for engine in _ALL:
        if isinstance(engine, ClusterEngine):
            try:
                said += engine.left_behind(conf, listing.backups)
            except MigrationOpsError as exc:
                said.append(f"{engine.name}: {exc}")
    return tuple(said)


def let_go(manifest: Manifest, conf: Conf) -> None:
    """End what its engine keeps going for it, before its manifest goes."""
    engine = engine_of(manifest)
    if isinstance(engine, ClusterEngine):
        engine.let_go(conf, manifest)


def _lost(
    engine: ClusterEngine, own: Sequence[Manifest], conf: Conf
) -> Iterator[Unusable]:
    try:
        missing = engine.missing(conf, own)
    except MigrationOpsError as exc:
        return (Unusable(id=m.id, problem=str(exc)) for m in own)
    return (Unusable(id=i, problem=why, gone=True) for i, why in missing.items())
