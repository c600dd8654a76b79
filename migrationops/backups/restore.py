"""The way back: built beside, verified, made ready, then swapped in.

A restore can be killed at any point and run again. What it leaves describes itself
(derived.py): a half-built database is dropped by the next run, a built one is taken
up where it stands, and the swap is one transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connections

from migrationops import stamp
from migrationops.backups import (
    build,
    derived,
    lineage,
    losses,
    obstacles,
    ready,
    swap,
    verify,
)
from migrationops.backups.build import Built
from migrationops.backups.carry import carry_history
from migrationops.backups.counters import read_counters
from migrationops.backups.derived import Derived, Role
from migrationops.backups.losses import Accepted, Look, Losses
from migrationops.backups.manifest import Manifest
from migrationops.backups.selection import Backup
from migrationops.backups.source import Source
from migrationops.exceptions import BackupError, RefusedError
from migrationops.postgres import beside, properties
from migrationops.postgres.databases import Connection
from migrationops.progress import ProgressCallback, silent

_LOOKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """The database that was live, the outage in seconds, and what was lost at most."""

    kept: Derived
    outage: float | None
    losses: Losses


def look(source: Source, manifest: Manifest) -> Look:
    """Read what a restore would lose, as the server knows it now."""
    with source.connect() as connection:
        written = losses.written_rows(connection, source.database)
        now = read_counters(connection)
        found = lineage.losses_since(connection, manifest, now)
    return Look(losses=found, written=written)


def check_losses(source: Source, manifest: Manifest, accepted: Accepted) -> None:
    """Refuse before an hour of building what would be refused after it."""
    seen = look(source, manifest)
    losses.check(seen.losses, accepted, source.database)


def incoming(
    source: Source,
    backup: Backup,
    run: str,
    *,
    accept_missing: bool,
    report: ProgressCallback = silent,
) -> Built:
    """Build the backup beside the live database, or take up a killed run's.

    The caller holds the runner lock: whatever else was being built is abandoned.
    """
    with source.maintenance() as connection:
        derived.collect_abandoned(connection, source.database)
        built = [
            d
            for d in derived.find_derived(connection, source.database)
            if d.role is Role.BUILT
        ]
        for other in built:
            if other.backup != backup.manifest.id:
                beside.drop(connection, other.name)
        obstacles.check_build(connection, source, backup.manifest)
    for found in built:
        if found.backup == backup.manifest.id and (
            taken_up := _taken_up(source, backup.manifest, found)
        ):
            return taken_up
    verify.check_archive(backup.archive, backup.manifest)
    return build.build(
        backup.engine,
        source,
        backup.manifest,
        backup.archive,
        role=Role.BUILT,
        run=run,
        accept_missing=accept_missing,
        report=report,
    )


def ready_copy(source: Source, manifest: Manifest) -> Built:
    """Take the untouched restored copy of this backup; nothing is compared again.

    One that a killed run has opened already is no longer untouched: it is compared.
    """
    with source.maintenance() as connection:
        for other in derived.find_derived(connection, source.database):
            if (other.role, other.backup) == (Role.BUILT, manifest.id) and (
                taken_up := _taken_up(source, manifest, other)
            ):
                return taken_up
        found = ready.open_up(connection, source.database, manifest.id)
    return Built(database=found, rows=manifest.proof.rows)


def _taken_up(source: Source, manifest: Manifest, found: Derived) -> Built | None:
    """Compare what a killed run has built; drop it where somebody wrote to it."""
    try:
        rows = build.check_restored(source, manifest, found.name, history=False)
    except BackupError:
        with source.maintenance() as connection:
            beside.drop(connection, found.name)
        return None
    return Built(database=found, rows=rows)


def make_ready(source: Source, built: Derived, manifest: Manifest, run: str) -> int:
    """Give it what belongs to the live one's name; return the rows of history.

    Settings, grants and limits are the live one's, since they may have changed after
    the backup; of an empty live database they are the backup's.
    """
    with source.connect() as live, source.connect(built.name) as connection:
        connection.execute("SET default_transaction_read_only = off")
        rows = carry_history(live, connection, run)
        found = connection.execute("SELECT to_regclass('migrationops_stamp')")
        if found.fetchone() != (None,):
            stamp.write(connection, source.conf)
        is_new = stamp.read(live).is_new
        wanted = manifest.properties if is_new else properties.read_properties(live)
    with source.maintenance() as connection:
        properties.apply_properties(connection, built.name, wanted)
    return rows


def beginning(source: Source, built: Derived) -> dict[str, Any]:
    """Return the counters with which a built database goes live, as JSON values."""
    with source.connect(built.name) as connection:
        return asdict(read_counters(connection))


def take_over(
    source: Source, built: Derived, manifest: Manifest, *, accepted: Accepted
) -> TakenOver:
    """Swap the built database in, unless more would be lost than is accepted.

    The decision falls inside the swap, when nobody can write any more. Raises
    RefusedError, and then nothing has changed.
    """
    with source.connect() as connection:
        comment = properties.read_properties(connection).comment
    for _ in range(_LOOKS):
        seen = look(source, manifest)
        losses.check(seen.losses, accepted, source.database)
        with contextlib.suppress(_MovedError), _without_django(source):
            gate = _Gate(seen, accepted, seen.losses)
            swapped = swap.swap(source, built, comment, gate)
            return TakenOver(
                kept=swapped.kept, outage=swapped.seconds, losses=gate.losses
            )
    raise RefusedError(
        f"Rows kept being written to {source.database!r} while it was to be swapped "
        "away. Nothing was changed; the restored database stays built.",
        remedy="Stop the application and run the same command again, or with "
        "--accept-loss all.",
    )


@contextlib.contextmanager
def _without_django(source: Source) -> Iterator[None]:
    """Close Django's connection, which would be in the way, and would not survive."""
    connections[source.alias].close()
    try:
        yield
    finally:
        connections[source.alias].close()


class _MovedError(Exception):
    """Rows were written after the last look."""


@dataclass(slots=True)
class _Gate:
    """Asked inside the swap: are the losses, which it keeps, still accepted?"""

    seen: Look
    accepted: Accepted
    losses: Losses

    def __call__(self, connection: Connection, database: str) -> None:
        since = losses.written_rows(connection, database) - self.seen.written
        self.losses = self.seen.losses.and_since(since)
        if not self.accepted.covers(self.losses.at_most):
            raise _MovedError
