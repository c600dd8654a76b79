"""What a proof by restore asks of the live server, and of the replicas behind it."""

from __future__ import annotations

import time

from migrationops.backups import catalog
from migrationops.backups.source import Source
from migrationops.exceptions import PreconditionError
from migrationops.postgres import activity
from migrationops.postgres.databases import Connection
from migrationops.progress import Progress, ProgressCallback, Stage, State

MAX_LAG = 10.0  # seconds a replica may be behind
_PATIENCE = 600.0
_LOOK_EVERY = 1.0


def say(size: int, report: ProgressCallback) -> None:
    """Tell what restoring so many bytes will write: WAL goes to every replica."""
    volume = f"{size / 1e6:,.1f} MB"
    report(_told(f"the proof writes about {volume}, and as much WAL, on the server"))


def wait_for_replicas(
    connection: Connection,
    source: Source,
    report: ProgressCallback,
    *,
    max_lag: float = MAX_LAG,
    patience: float = _PATIENCE,
) -> None:
    """Wait until no replica is far behind; raise PreconditionError after `patience`."""
    deadline, told = time.monotonic() + patience, False
    while (lag := _lag(connection, source, max_lag)) > max_lag:
        if time.monotonic() > deadline:
            raise PreconditionError(
                f"A replica is {lag:.0f} s behind, after {patience:.0f} s of waiting: "
                "the proof by restore would hold it up further. The database was not "
                "changed.",
                remedy="Let it catch up and run the same command again; or have the "
                'proof made elsewhere (MIGRATIONOPS["PROOF_URL"]), or ask for less by '
                "POLICY's backup, as 'counted'.",
            )
        if not told:
            report(_told(f"waiting for a replica that is {lag:.0f} s behind"))
            told = True
        time.sleep(_LOOK_EVERY)


def _lag(connection: Connection, source: Source, max_lag: float) -> float:
    """Return seconds; a standby that a backup has paused is behind on purpose."""
    lag = activity.load(connection).lag
    place = source.conf.backup_dir
    if lag <= max_lag or place is None or not place.is_dir():
        return lag
    listed = catalog.list_backups(place, source.conf).backups
    paused = [manifest.pause.lsn for manifest in listed if manifest.pause]
    return activity.load(connection, besides=paused).lag


def _told(label: str) -> Progress:
    return Progress(stage=Stage.BACKUP, state=State.ADVANCED, label=label)
