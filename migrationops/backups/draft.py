"""A manifest's first form: what every engine says of the database it copied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from migrationops.backups import contents
from migrationops.backups.contents import Sequence, Table
from migrationops.backups.counters import Counters, read_counters
from migrationops.backups.engine import Job
from migrationops.backups.manifest import File, Manifest
from migrationops.backups.snapshot import limit_lock_waits
from migrationops.backups.source import Source
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection
from migrationops.postgres.properties import Properties, read_properties


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What has to be read before anything is copied: too early, it only overstates."""

    started: datetime
    counters: Counters
    sequences: tuple[Sequence, ...]
    properties: Properties


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What an engine made, by its own account."""

    engine: str
    format: str
    compression: str
    snapshot: str
    lsn: str
    files: tuple[File, ...]
    tables: tuple[Table, ...]


def read_before(source: Source) -> Before:
    with source.connect() as connection:
        limit_lock_waits(connection)
        return Before(
            started=datetime.now(UTC),
            counters=read_counters(connection),
            sequences=contents.read_sequences(connection),
            properties=read_properties(connection),
        )


def describe(
    job: Job, connection: Connection, before: Before, copied: Copied
) -> Manifest:
    """Describe what this connection sees: the snapshot, or the copy itself."""
    source = job.source
    draft = Manifest(
        id=job.id,
        run=job.run,
        environment=source.conf.environment,
        database=source.database,
        engine=copied.engine,
        format=copied.format,
        compression=copied.compression,
        server_version=source.server_version,
        client_version=source.programs.version,
        snapshot=copied.snapshot,
        lsn=copied.lsn,
        started=before.started,
        finished=datetime.now(UTC),
        database_bytes=contents.database_bytes(connection),
        large_objects=contents.count_large_objects(connection),
        files=copied.files,
        tables=copied.tables,
        sequences=before.sequences,
        migrations=contents.read_migrations(connection),
        extensions=contents.read_extensions(connection),
        properties=before.properties,
        counters=before.counters,
        invalid_indexes=introspection.invalid_indexes(connection),
    )
    if job.part is None:
        return draft
    size = job.part.bytes  # what it takes on a disk is asked by it
    return replace(draft, part=job.part, database_bytes=size, large_objects=0)
