"""The engine that most databases want: pg_dump's custom format, through a pipe."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from migrationops.backups import contents
from migrationops.backups.contents import Sequence
from migrationops.backups.counters import Counters, read_counters
from migrationops.backups.dumping import Dump, count_rows, write_dump
from migrationops.backups.engine import Job, RestoreTask, Taken
from migrationops.backups.manifest import Manifest
from migrationops.backups.snapshot import (
    Snapshot,
    limit_lock_waits,
    lock_first_snapshot,
)
from migrationops.backups.source import Source
from migrationops.backups.toc import restorable
from migrationops.exceptions import BackupError, PreconditionError, ToolFailedError
from migrationops.postgres import tools
from migrationops.postgres.properties import read_properties

_SLOWEST = 1 << 20  # bytes a second: below this a verification is taken for stuck
_RESTORE_JOBS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What has to be read before the snapshot is exported."""

    started: datetime
    counters: Counters
    sequences: tuple[Sequence, ...]


class PgDump:
    """pg_dump and pg_restore of the server's major."""

    name: ClassVar[str] = "pg_dump"

    def take(self, job: Job) -> Taken:
        """Dump under a lock-first snapshot and count the rows under the same."""
        before = _read_before(job.source)
        with lock_first_snapshot(job.source) as snapshot:
            dump = write_dump(job, snapshot)
            manifest = _describe(job, snapshot, before, dump)
        return Taken(manifest=manifest, rows=dump.rows)

    def read_back(
        self, source: Source, manifest: Manifest, archive: Path
    ) -> Mapping[str, int]:
        """Count the rows while pg_restore prints every data block."""
        limit = 60 + manifest.database_bytes / _SLOWEST
        return count_rows(source, str(archive), timeout=limit)

    def restore(self, task: RestoreTask) -> tuple[str, ...]:
        """Fill the empty database; it is thrown away when that fails."""
        source = task.source
        with source.connect(task.dbname) as connection:
            wanted = restorable(source, connection, task.archive)
        if wanted.skipped and not task.accept_missing:
            raise PreconditionError(
                "This role cannot restore everything; missing would be: "
                f"{'; '.join(wanted.skipped)}. Nothing was changed.",
                remedy="Set OPERATOR_URL to a superuser, or --accept-missing.",
            )
        with tempfile.NamedTemporaryFile("w", prefix="migrationops-") as listing:
            listing.write("\n".join(wanted.lines))
            listing.flush()
            _run_restore(task, listing.name)
        return wanted.skipped


def _run_restore(task: RestoreTask, listing: str) -> None:
    source = task.source
    try:
        tools.run(
            source.programs,
            "pg_restore",
            f"--dbname={task.dbname}",
            f"--use-list={listing}",
            "--exit-on-error",
            f"--jobs={_RESTORE_JOBS}",
            "--no-password",
            "--no-subscriptions",
            *([] if task.owners else ["--no-owner", "--no-privileges"]),
            *source.role_arguments(),
            str(task.archive),
            environment=source.environment(task.dbname),
            timeout=600 + task.manifest.database_bytes / _SLOWEST,
        )
    except ToolFailedError as exc:
        raise BackupError(f"The archive cannot be restored: {exc}") from exc


def _read_before(source: Source) -> _Before:
    with source.connect() as connection:
        limit_lock_waits(connection)
        return _Before(
            started=datetime.now(UTC),
            counters=read_counters(connection),
            sequences=contents.read_sequences(connection),
        )


def _describe(job: Job, snapshot: Snapshot, before: _Before, dump: Dump) -> Manifest:
    connection, source = snapshot.connection, job.source
    return Manifest(
        id=job.id,
        run=job.run,
        environment=source.conf.environment,
        database=source.database,
        engine=PgDump.name,
        format="custom",
        compression=dump.compression,
        server_version=source.server_version,
        client_version=source.programs.version,
        snapshot=snapshot.id,
        lsn=snapshot.lsn,
        started=before.started,
        finished=datetime.now(UTC),
        database_bytes=contents.database_bytes(connection),
        large_objects=contents.count_large_objects(connection),
        files=(dump.file,),
        tables=dump.tables,
        sequences=before.sequences,
        migrations=contents.read_migrations(connection),
        extensions=contents.read_extensions(connection),
        properties=read_properties(connection),
        counters=before.counters,
    )
