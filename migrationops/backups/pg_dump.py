"""The engine that most databases want: pg_dump's custom format, through a pipe."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import ClassVar

from migrationops.backups import contents
from migrationops.backups.archive import RowCounter
from migrationops.backups.contents import Sequence, Table
from migrationops.backups.counters import Counters, read_counters
from migrationops.backups.engine import LARGE_OBJECTS, Job, RestoreTask
from migrationops.backups.manifest import File, Manifest
from migrationops.backups.snapshot import (
    LOCK_WAIT,
    Snapshot,
    limit_lock_waits,
    lock_first_snapshot,
)
from migrationops.backups.source import Source
from migrationops.backups.toc import restorable
from migrationops.exceptions import BackupError, PreconditionError, ToolFailedError
from migrationops.postgres import tools
from migrationops.postgres.properties import read_properties
from migrationops.postgres.tools import Child, Programs
from migrationops.progress import Progress, Stage, State

_SLOWEST = 1 << 20  # bytes a second: below this a verification is taken for stuck
_RESTORE_JOBS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What has to be read before the snapshot is exported."""

    started: datetime
    counters: Counters
    sequences: tuple[Sequence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dump:
    compression: str
    file: File
    tables: tuple[Table, ...]


class PgDump:
    """pg_dump and pg_restore of the server's major."""

    name: ClassVar[str] = "pg_dump"

    def take(self, job: Job) -> Manifest:
        """Dump under a lock-first snapshot and count the rows under the same."""
        before = _read_before(job.source)
        with lock_first_snapshot(job.source) as snapshot:
            compression = probe_compression(job.source.programs)
            with (
                _dumping(job.source, snapshot, compression) as child,
                _counting(snapshot) as counts,
            ):
                file = _store(child, job)
                tables = counts.result()
            dump = _Dump(compression=compression, file=file, tables=tables)
            return _describe(job, snapshot, before, dump)

    def read_back(
        self, source: Source, manifest: Manifest, archive: Path
    ) -> Mapping[str, int]:
        """Count the rows while pg_restore prints every data block."""
        counter = RowCounter(large_objects=LARGE_OBJECTS)
        arguments = ["--section=data", "--file=-", *_no_statistics(source)]
        try:
            with tools.stream(
                source.programs,
                "pg_restore",
                *arguments,
                str(archive),
                environment=tools.environment({}),
                timeout=60 + manifest.database_bytes / _SLOWEST,
            ) as child:
                for chunk in child.chunks():
                    counter.feed(chunk)
        except ToolFailedError as exc:
            raise BackupError(f"The archive cannot be read back: {exc}") from exc
        return counter.rows

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


@cache
def probe_compression(programs: Programs) -> str:
    """Return zstd:1 where this pg_dump was built with it, else gzip:1.

    It refuses an unknown method before it connects, so no server is needed.
    """
    nowhere = tools.environment({"host": "/nonexistent", "dbname": "probe"})
    try:
        tools.run(programs, "pg_dump", "-Fc", "--compress=zstd:1", environment=nowhere)
    except ToolFailedError as exc:
        return "zstd:1" if "/nonexistent" in str(exc) else "gzip:1"
    raise AssertionError("a server answered at a place that does not exist")


@contextmanager
def _dumping(source: Source, snapshot: Snapshot, compression: str) -> Iterator[Child]:
    # gzip:1 is spelt 1 before 16, and still understood so after.
    level = compression.removeprefix("gzip:")
    with tools.stream(
        source.programs,
        "pg_dump",
        "--format=custom",
        f"--compress={level}",
        f"--snapshot={snapshot.id}",
        f"--lock-wait-timeout={LOCK_WAIT * 1000:.0f}",
        "--no-password",
        *(["--statistics"] if source.major >= 18 else []),
        *source.role_arguments(),
        environment=source.environment(),
    ) as child:
        yield child


@contextmanager
def _counting(snapshot: Snapshot) -> Iterator[Future[tuple[Table, ...]]]:
    """Count beside the dump; leaving by an exception cancels the counting."""
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(
            contents.count_tables, snapshot.connection, snapshot.relations
        )
        try:
            yield future
        except BaseException:
            snapshot.connection.cancel_safe()
            raise


def _store(child: Child, job: Job) -> File:
    """Write the stream to the disk, hashing it on the way."""
    digest = hashlib.sha256()
    size = 0
    for chunk in child.chunks():
        digest.update(chunk)
        job.pending.file.write(chunk)
        size += len(chunk)
        job.report(_progress(size))
    job.pending.flush()
    name = job.pending.final.name
    return File(name=name, size=size, sha256=digest.hexdigest())


def _progress(size: int) -> Progress:
    return Progress(
        stage=Stage.BACKUP, state=State.ADVANCED, label="dump", done=size, unit="bytes"
    )


def _describe(job: Job, snapshot: Snapshot, before: _Before, dump: _Dump) -> Manifest:
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


def _no_statistics(source: Source) -> list[str]:
    """On 18 the data section also holds statistics, with users' values in them."""
    return ["--no-statistics"] if source.major >= 18 else []
