"""The engine for what is too big to dump: a restore point on top of pgBackRest.

pgBackRest copies the cluster and keeps its WAL; what is made here is a name in that
WAL. The archive is a text: how to go back there, for a person.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from migrationops.backups import scratch_cluster, verify
from migrationops.backups.cluster import (
    Standing,
    create_point,
    point_name,
    read_standing,
    write_text,
)
from migrationops.backups.draft import Copied, describe, read_before
from migrationops.backups.engine import Job, Taken
from migrationops.backups.manifest import Manifest
from migrationops.backups.point import RestorePoint
from migrationops.backups.proof_record import ProofRecord
from migrationops.backups.repository import Base, Contents, Repository
from migrationops.backups.source import Source
from migrationops.backups.way_back import instructions
from migrationops.conf import Conf, Proof
from migrationops.exceptions import (
    BackupError,
    ConfigurationError,
    PreconditionError,
)
from migrationops.progress import Progress, Stage, State

FORMAT = "restore-point"
NOT_COUNTED = "counted: the live server's rows are not counted for a restore point"


class PgBackRest:
    """A named restore point, and a backup of the cluster from which it is reached."""

    name: ClassVar[str] = "pgbackrest"
    exclusive: ClassVar[bool] = False

    def check(self, source: Source) -> None:
        """Raise the error that says what is missing; change nothing."""
        repository = _repository(source.conf)
        _check_account(repository)
        if source.conf.environment.is_protected and not repository.stanza.outlives_host:
            raise ConfigurationError(
                "A repository on the server's own disk does not count here. Nothing "
                "was changed.",
                remedy="Where it lies elsewhere, declare it: PGBACKREST's "
                '"outlives_host": True.',
            )
        repository.version()
        with source.connect() as connection:
            standing = read_standing(connection)
        _check_cluster(repository.contents(), standing)

    def take(self, job: Job) -> Taken:
        """Write a name into the WAL, and wait until it is in the archive.

        1. A backup of pgBackRest's that is young enough, else a new one.
        2. The name; then `check` ends its WAL file and sees it arrive.
        3. Every WAL file between the two is there.
        """
        source, repository = job.source, _repository(job.source.conf)
        self.check(source)
        before = read_before(source)
        with source.connect() as connection:
            standing = read_standing(connection)
            base = _base(job, repository, standing)
            point = create_point(
                connection,
                point_name(job.run),
                stanza=repository.stanza,
                standing=standing,
                base=base,
                version=repository.version(),
            )
            repository.check()
            _check_wal(repository, point)
            copied = Copied(
                engine=self.name,
                format=FORMAT,
                compression="",
                snapshot="",
                lsn=point.lsn,
                files=(write_text(job, instructions(source, repository, point)),),
                tables=(),
            )
            draft = describe(job, connection, before, copied)
        return Taken(manifest=replace(draft, point=point))

    def let_go(self, conf: Conf, manifest: Manifest) -> None:
        """A name in the WAL lasts for as long as pgBackRest keeps it."""

    def read_all(self, source: Source) -> None:
        """Have pgBackRest read its whole repository."""
        _repository(source.conf).verify()

    def prove(
        self, source: Source, manifest: Manifest, archive: Path, level: Proof
    ) -> ProofRecord:
        """See that the way to the point is whole; for `restored`, go it, beside.

        Rows are never compared with the live ones, which are not counted.
        """
        repository, point = _repository(source.conf), _point(manifest)
        verify.check_archive(archive, manifest)
        _check_wal(repository, point)
        if level <= Proof.DECODED:
            return ProofRecord(level=Proof.DECODED)
        if level is Proof.COUNTED:
            return ProofRecord(level=Proof.DECODED, skipped=(NOT_COUNTED,))
        if reason := scratch_cluster.impossible(source, repository):
            return ProofRecord(level=Proof.DECODED, skipped=(NOT_COUNTED, reason))
        rows = scratch_cluster.read_restored(source, repository, manifest, point)
        return ProofRecord(level=Proof.RESTORED, rows=rows, skipped=(NOT_COUNTED,))

    def missing(self, conf: Conf, manifests: Iterable[Manifest]) -> dict[str, str]:
        """Name those whose backup pgBackRest's own retention has let go."""
        found = _repository(conf).contents()
        points = {manifest.id: _point(manifest) for manifest in manifests}
        return {
            identifier: f"pgBackRest has no backup {point.label} any more."
            for identifier, point in points.items()
            if found.base(point.label) is None
        }

    def left_behind(self, conf: Conf, manifests: Iterable[Manifest]) -> tuple[str, ...]:
        """Nothing: a name that nobody knows costs nothing."""
        return ()


def _repository(conf: Conf) -> Repository:
    if conf.pgbackrest is None:
        raise ConfigurationError(
            'The engine pgbackrest needs MIGRATIONOPS["PGBACKREST"]. Nothing was '
            "changed.",
            remedy='At least: {"stanza": "main"}; see docs/howto/pgbackrest.md.',
        )
    return Repository(stanza=conf.pgbackrest)


def _point(manifest: Manifest) -> RestorePoint:
    if manifest.point is None:
        raise BackupError(
            f"The manifest of {manifest.id} names no restore point.",
            remedy="Use another backup; see: manage.py backups list",
        )
    return manifest.point


def _check_account(repository: Repository) -> None:
    """Refuse root: what it writes, the server's archive_command cannot add to."""
    if os.geteuid() == 0 and not repository.stanza.prefix:
        raise PreconditionError(
            "As root, pgBackRest would leave files in its repository that the "
            "server's account cannot write to. Nothing was changed.",
            remedy='Say as whom: PGBACKREST\'s "prefix", as ["runuser", "-u", '
            '"postgres", "--"].',
        )


def _check_cluster(contents: Contents, standing: Standing) -> None:
    if contents.system_id != standing.system_id:
        raise PreconditionError(
            f"The stanza is of another cluster ({contents.system_id}, the server is "
            f"{standing.system_id}). Nothing was changed.",
            remedy="Name the stanza of this server in PGBACKREST.",
        )


def _base(job: Job, repository: Repository, standing: Standing) -> Base:
    """Return a young backup of this timeline; where there is none, make it now."""
    oldest = datetime.now(UTC) - timedelta(
        seconds=job.source.conf.policy.max_backup_age
    )
    newest = _newest(repository, standing)
    if newest is None or newest.finished < oldest:
        label = f"pgbackrest backup --type={repository.stanza.type}"
        job.report(Progress(stage=Stage.BACKUP, state=State.STARTED, label=label))
        repository.back_up()
        newest = _newest(repository, standing)
    if newest is None:
        raise BackupError(
            "pgBackRest lists no backup of the server's timeline.",
            remedy="Run pgbackrest backup for the stanza, then the same command again.",
        )
    return newest


def _newest(repository: Repository, standing: Standing) -> Base | None:
    bases = repository.contents().bases
    of_timeline = [b for b in bases if b.timeline == standing.timeline]
    return of_timeline[-1] if of_timeline else None


def _check_wal(repository: Repository, point: RestorePoint) -> None:
    """See that nothing is missing on the way to the point; `verify` does not look."""
    found = repository.contents()
    base = found.base(point.label)
    if base is None or found.system_id != point.system_id:
        raise BackupError(
            f"pgBackRest has no backup {point.label} any more: its own retention "
            "decides. The database was not changed.",
            remedy="Use another backup: manage.py backups list",
        )
    if missing := repository.missing(found.archive, point.segments(base.first)):
        raise BackupError(
            f"WAL between {point.label} and {point.name} is missing in the archive: "
            f"{', '.join(missing[:5])}. The database was not changed.",
            remedy="Make a new backup of the cluster: "
            + repository.command("--type=full", "backup"),
        )
