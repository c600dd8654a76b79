"""The engine that most databases want: pg_dump's custom format, through a pipe.

A big one is dumped by several workers into the directory format.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from migrationops.backups.draft import Copied, describe, read_before
from migrationops.backups.dumping import Dump, count_rows, write_dump
from migrationops.backups.engine import Job, RestoreTask, Taken
from migrationops.backups.manifest import Manifest
from migrationops.backups.parallel import write_tree
from migrationops.backups.part import narrowed
from migrationops.backups.snapshot import Snapshot, lock_first_snapshot
from migrationops.backups.source import Source
from migrationops.backups.toc import Contents, restorable
from migrationops.backups.tree import PendingTree
from migrationops.exceptions import (
    BackupError,
    PreconditionError,
    QueuedError,
    ToolFailedError,
)
from migrationops.postgres import tools
from migrationops.progress import Progress, Stage, State

_SLOWEST = 1 << 20  # bytes a second: below this a verification is taken for stuck
_RESTORE_JOBS = 2
_AGAIN = Progress(stage=Stage.BACKUP, state=State.STARTED, label="dump again")


class PgDump:
    """pg_dump and pg_restore of the server's major."""

    name: ClassVar[str] = "pg_dump"
    exclusive: ClassVar[bool] = False

    def take(self, job: Job) -> Taken:
        """Dump under a lock-first snapshot and count the rows under the same.

        Who queued for ACCESS EXCLUSIVE meanwhile is let through, and then it is
        dumped once more, by one worker: only several ask for a lock twice.
        """
        try:
            return self._take(job)
        except QueuedError:
            job.pending.clear()
            job.report(_AGAIN)
            return self._take(replace(job, jobs=1))

    def _take(self, job: Job) -> Taken:
        before = read_before(job.source)
        with lock_first_snapshot(job.source) as whole:
            snapshot = narrowed(whole, job.part) if job.part else whole
            dump = _write(job, snapshot)
            copied = Copied(
                engine=self.name,
                format="directory"
                if isinstance(job.pending, PendingTree)
                else "custom",
                compression=dump.compression,
                snapshot=snapshot.id,
                lsn=snapshot.lsn,
                files=dump.files,
                tables=dump.tables,
            )
            manifest = describe(job, snapshot.connection, before, copied)
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
        if task.manifest.part:
            wanted = wanted.without_foreign_keys()
        missing = wanted.missing if task.owners else wanted.skipped
        if missing and not task.accept_missing:
            raise PreconditionError(
                "This role cannot restore everything; missing would be: "
                f"{'; '.join(missing)}. Nothing was changed.",
                remedy="Set OPERATOR_URL to a superuser, or restore --accept-missing.",
            )
        with tempfile.NamedTemporaryFile("w", prefix="migrationops-") as listing:
            listing.write("\n".join(wanted.lines))
            listing.flush()
            _run_restore(task, listing.name, _ownership(task, wanted))
        return (*missing, *wanted.left_out)


def _write(job: Job, snapshot: Snapshot) -> Dump:
    if isinstance(job.pending, PendingTree):
        return write_tree(job, job.pending, snapshot)
    return write_dump(job, job.pending, snapshot)


def _ownership(task: RestoreTask, wanted: Contents) -> list[str]:
    """What cannot be given to its owner belongs to who restores it, with all else."""
    if not task.owners:
        return ["--no-owner", "--no-privileges"]
    return ["--no-owner"] if wanted.adopted else []


def _run_restore(task: RestoreTask, listing: str, ownership: list[str]) -> None:
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
            *ownership,
            *source.role_arguments(),
            str(task.archive),
            environment=_hurried(source.environment(task.dbname)),
            timeout=600 + task.manifest.database_bytes / _SLOWEST,
        )
    except ToolFailedError as exc:
        raise BackupError(
            f"The archive cannot be restored: {exc}",
            remedy="Use another backup; see: manage.py backups list",
        ) from exc


def _hurried(environment: dict[str, str]) -> dict[str, str]:
    """Wait for no commit of thousands: the COMMENT that follows brings all to disk."""
    options = environment.get("PGOPTIONS", "")
    return {**environment, "PGOPTIONS": f"{options} -c synchronous_commit=off"}
