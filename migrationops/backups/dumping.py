"""One dump under way: written, hashed, counted and read back at the same time."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import IO

from migrationops.backups import contents
from migrationops.backups.archive import RowCounter
from migrationops.backups.contents import Table
from migrationops.backups.directory import PendingFile
from migrationops.backups.engine import LARGE_OBJECTS, Job
from migrationops.backups.manifest import File
from migrationops.backups.snapshot import Snapshot
from migrationops.backups.source import Source
from migrationops.exceptions import BackupError, QueuedError, ToolFailedError
from migrationops.postgres import tools
from migrationops.postgres.tools import PIPE, Child, Programs
from migrationops.progress import Progress, Stage, State

# Our snapshot holds the same locks: pg_dump only ever waits for who queues behind us.
_PATIENCE = 5.0  # seconds, in which nobody can read that table
# Of a worker, and of their leader; in pg_dump's words, not the server's language.
_SHUT_OUT = re.compile(r"could not obtain lock on relation|Query was: LOCK TABLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """What was written, and the rows: counted in the database, and in the archive."""

    compression: str
    files: tuple[File, ...]
    tables: tuple[Table, ...]
    rows: Mapping[str, int] | None = None


def write_dump(job: Job, pending: PendingFile, snapshot: Snapshot) -> Dump:
    """Dump under the snapshot; with `job.read_back` also decode what is written."""
    compression = probe_compression(job.source.programs)
    decoding = _decoding(job.source) if job.read_back else contextlib.nullcontext()
    with decoding as decoder:
        with counting(snapshot, hashed=job.hashed) as counts:
            with _dumping(job.source, snapshot, compression) as child:
                file = _store(child, job, pending, decoder)
            tables = counts.result()
        # pg_dump ended well: whatever is wrong now is wrong with the archive.
        rows = decoder.result() if decoder else None
    return Dump(compression=compression, files=(file,), tables=tables, rows=rows)


def count_rows(
    source: Source,
    *arguments: str,
    stdin: IO[bytes] | None = None,
    timeout: float | None = None,
) -> Mapping[str, int]:
    """Count the rows while pg_restore prints every data block of an archive."""
    counter = RowCounter(large_objects=LARGE_OBJECTS)
    # On 18 the data section also holds statistics, with users' values in them.
    statistics = ["--no-statistics"] if source.major >= 18 else []
    try:
        with tools.stream(
            source.programs,
            "pg_restore",
            *("--section=data", "--file=-", *statistics, *arguments),
            environment=tools.environment({}),
            stdin=stdin,
            timeout=timeout,
        ) as child:
            for chunk in child.chunks():
                counter.feed(chunk)
    except ToolFailedError as exc:
        raise BackupError(
            f"The archive cannot be read back: {exc}",
            remedy="See the disk of the backup directory, then run the same "
            "command again.",
        ) from exc
    return counter.rows


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


@dataclass(frozen=True, slots=True)
class _Decoder:
    """A pg_restore that is fed with the archive, and counts in a thread."""

    sink: int
    rows: Future[Mapping[str, int]]

    def feed(self, chunk: bytes) -> None:
        """Pass a piece on; when nobody reads any more, result() says why."""
        rest = memoryview(chunk)
        with contextlib.suppress(BrokenPipeError):
            while rest:
                rest = rest[os.write(self.sink, rest) :]

    def result(self) -> Mapping[str, int]:
        os.close(self.sink)
        return self.rows.result()


@contextmanager
def _decoding(source: Source) -> Iterator[_Decoder]:
    reads, sink = os.pipe()
    if sys.platform == "linux":
        fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, PIPE)
    with os.fdopen(reads, "rb") as stdin, ThreadPoolExecutor(1) as executor:
        future = executor.submit(count_rows, source, stdin=stdin)
        future.add_done_callback(lambda _: stdin.close())
        decoder = _Decoder(sink, future)
        try:
            yield decoder
        except BaseException:
            with contextlib.suppress(OSError):  # it may be closed already
                os.close(sink)
            raise


def dump_arguments(source: Source, snapshot: Snapshot, compression: str) -> list[str]:
    """Return what pg_dump is told in every format."""
    statistics = source.major >= 18 and not snapshot.options  # all or none
    # gzip:1 is spelt 1 before 16, and still understood so after.
    level = compression.removeprefix("gzip:")
    return [
        f"--compress={level}",
        f"--snapshot={snapshot.id}",
        f"--lock-wait-timeout={_PATIENCE * 1000:.0f}",
        "--no-password",
        *(["--statistics"] if statistics else []),
        *snapshot.options,
        *source.role_arguments(),
    ]


def dump_progress(size: int, expected: int) -> Progress:
    return Progress(
        stage=Stage.BACKUP,
        state=State.ADVANCED,
        label="dump",
        done=size,
        total=max(size, expected),
        unit="bytes",
    )


@contextmanager
def noticing_queue() -> Iterator[None]:
    """Raise QueuedError for a pg_dump that was shut out by a change that waits."""
    try:
        yield
    except ToolFailedError as exc:
        if not _SHUT_OUT.search(str(exc)):
            raise
        raise QueuedError(
            "Somebody asked for ACCESS EXCLUSIVE on a table while it was being "
            f"dumped, and waits for the dump as the dump for them: {exc}. No backup "
            "was made; nothing was changed.",
            remedy="Let that change finish, or end it, and take the backup again.",
        ) from exc


@contextmanager
def _dumping(source: Source, snapshot: Snapshot, compression: str) -> Iterator[Child]:
    with (
        noticing_queue(),
        tools.stream(
            source.programs,
            "pg_dump",
            "--format=custom",
            *dump_arguments(source, snapshot, compression),
            environment=source.environment(),
        ) as child,
    ):
        yield child


@contextmanager
def counting(
    snapshot: Snapshot, *, hashed: bool
) -> Iterator[Future[tuple[Table, ...]]]:
    """Count beside the dump; leaving by an exception cancels the counting.

    By one process, which ends long before the dump that has the other cores; only
    hashes take as long as it.
    """
    if not hashed:
        snapshot.connection.execute("SET max_parallel_workers_per_gather = 0")
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(
            contents.count_tables,
            snapshot.connection,
            snapshot.relations,
            hashed=hashed,
        )
        try:
            yield future
        except BaseException:
            snapshot.connection.cancel_safe()
            raise


def _store(
    child: Child, job: Job, pending: PendingFile, decoder: _Decoder | None
) -> File:
    """Write the stream to the disk, hashing it on the way."""
    digest = hashlib.sha256()
    size = 0
    for chunk in child.chunks():
        digest.update(chunk)
        pending.file.write(chunk)
        if decoder:
            decoder.feed(chunk)
        size += len(chunk)
        job.report(dump_progress(size, job.expected_bytes))
    pending.flush()
    return File(name=pending.final.name, size=size, sha256=digest.hexdigest())
