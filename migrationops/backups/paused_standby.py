"""The engine for what is too big to dump, without pgBackRest: a standby is paused.

Its replay stops right before the migration. The archive is a text: how to make a
primary of it, for a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from migrationops.backups import promotion, replay, standing, verify
from migrationops.backups.cluster import point_name, read_every_row, write_text
from migrationops.backups.draft import Copied, describe, read_before
from migrationops.backups.engine import Job, Taken
from migrationops.backups.manifest import Manifest
from migrationops.backups.pause import Pause
from migrationops.backups.proof_record import ProofRecord
from migrationops.backups.replay import Replay
from migrationops.backups.source import Source
from migrationops.conf import Conf, Proof
from migrationops.exceptions import BackupError

FORMAT = "paused-standby"
NOT_COUNTED = "counted: the live server's rows are not counted for a paused standby"
NOT_PROMOTED = "restored: the standby was read, and not promoted"


class PausedStandby:
    """A standby of this very cluster, stopped at a place in its WAL."""

    name: ClassVar[str] = "standby"
    exclusive: ClassVar[bool] = False

    def check(self, source: Source) -> None:
        """Raise the error that says what is missing; change nothing."""
        standing.check(source, own_run="")

    def take(self, job: Job) -> Taken:
        """Pause the standby as soon as it has everything of this moment.

        1. What it was paused for before is let go.
        2. A name is written into the WAL, and flushed; the standby replays it.
        3. Its replay is paused, shortly behind the name.
        """
        source, own = job.source, replay.settings(job.source.conf)
        standing.check(source, own_run=job.run)
        before = read_before(source)
        with source.connect() as primary, replay.connected(source.conf) as standby:
            replay.resume(standby)
            mark = standing.create_mark(primary, point_name(job.run))
            replay.wait_for(standby, mark.lsn, own.patience, job.report)
            with replay.paused(standby) as found:
                pause = Pause(
                    name=mark.name,
                    lsn=found.lsn,
                    timeline=mark.timeline,
                    system_id=mark.system_id,
                    databases=mark.databases,
                    where=replay.where(standby),
                    committed=found.committed,
                )
                text = promotion.instructions(source, standby, pause, own)
                copied = Copied(
                    engine=self.name,
                    format=FORMAT,
                    compression="",
                    snapshot="",
                    lsn=pause.lsn,
                    files=(write_text(job, text),),
                    tables=(),
                )
                draft = describe(job, primary, before, copied)
        return Taken(manifest=replace(draft, pause=pause))

    def let_go(self, conf: Conf, manifest: Manifest) -> None:
        """Let the replay go on, if it still is where this backup paused it."""
        with replay.connected(conf) as standby:
            if not _why_gone(replay.read(standby), _pause(manifest)):
                replay.resume(standby)

    def read_all(self, source: Source) -> None:
        """Nothing is kept beside the standby itself, which `prove` reads."""

    def prove(
        self, source: Source, manifest: Manifest, archive: Path, level: Proof
    ) -> ProofRecord:
        """Read every row of the database on the standby, paused before and after.

        What is not shown: that it can be promoted, and its other databases.
        """
        verify.check_archive(archive, manifest)
        with replay.connected(source.conf, manifest.database) as standby:
            self._require(replay.read(standby), manifest)
            rows = read_every_row(standby, manifest)
            self._require(replay.read(standby), manifest)
        skipped = [NOT_COUNTED] if level >= Proof.COUNTED else []
        skipped += [NOT_PROMOTED] if level >= Proof.RESTORED else []
        return ProofRecord(level=Proof.DECODED, rows=rows, skipped=tuple(skipped))

    def _require(self, found: Replay | None, manifest: Manifest) -> None:
        if why := _why_gone(found, _pause(manifest)):
            raise BackupError(
                f"{why} {manifest.id} is no backup any more. The database was not "
                "changed.",
                remedy="Take another: manage.py backup",
            )

    def missing(self, conf: Conf, manifests: Iterable[Manifest]) -> dict[str, str]:
        """Name those whose pause is over."""
        with replay.connected(conf) as standby:
            found = replay.read(standby)
        pauses = {manifest.id: _pause(manifest) for manifest in manifests}
        return {
            i: why for i, pause in pauses.items() if (why := _why_gone(found, pause))
        }

    def left_behind(self, conf: Conf, manifests: Iterable[Manifest]) -> tuple[str, ...]:
        """Name a pause that no backup accounts for."""
        if conf.standby is None:
            return ()
        known = {m.pause.lsn for m in manifests if m.pause}
        with replay.connected(conf) as standby:
            found, where = replay.read(standby), replay.where(standby)
        if found is None or not found.is_paused or found.lsn in known:
            return ()
        return (
            f"The standby is paused at {found.lsn}, and no backup here accounts for "
            f"it. When nobody needs it: {replay.resume_command(where)}",
        )


def _why_gone(found: Replay | None, pause: Pause) -> str:
    """Return why it cannot be gone back to any more, or ''."""
    if found is None:
        return "The standby is none any more: it was promoted."
    if not found.is_paused:
        return f"The standby's replay was resumed, and is at {found.lsn}."
    if found.lsn != pause.lsn:
        return f"The standby is paused at {found.lsn} by now, not at {pause.lsn}."
    return ""


def _pause(manifest: Manifest) -> Pause:
    if manifest.pause is None:
        raise BackupError(
            f"The manifest of {manifest.id} names no pause of a standby.",
            remedy="Use another backup; see: manage.py backups list",
        )
    return manifest.pause
