"""Taking a backup: dumped, flushed, proven; and only then it exists."""

from __future__ import annotations

import itertools
import os
import re
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from django.db.migrations.loader import MigrationLoader

from migrationops.backups import catalog, directory, removal, signing, space, storage
from migrationops.backups.derived import Role
from migrationops.backups.directory import PendingFile
from migrationops.backups.engine import AnyEngine, ClusterEngine, Job, Taken
from migrationops.backups.estimate import Estimate, estimate, estimate_part
from migrationops.backups.manifest import Manifest, sign
from migrationops.backups.parallel import check_jobs, jobs_for
from migrationops.backups.part import Part
from migrationops.backups.pg_dump import PgDump
from migrationops.backups.proof import Archive, prove
from migrationops.backups.source import Source, open_source
from migrationops.backups.tree import PendingTree, pending_tree
from migrationops.conf import Conf, Proof
from migrationops.exceptions import ConfigurationError
from migrationops.progress import Progress, ProgressCallback, Stage, State
from migrationops.sources import source_hash

_ENGINE = PgDump()
_ELSEWHERE = "PROOF_URL to another server"


def take_backup(
    *,
    alias: str,
    conf: Conf,
    run_id: str,
    proof: Proof,
    report: ProgressCallback,
    keep: Role | None = None,
    engine: AnyEngine = _ENGINE,
    jobs: int | None = None,
    part: Part | None = None,
) -> Manifest:
    """Back up the alias's database, or a part; `keep` what the proof restored.

    1. Look for keys and room, then dump to a temporary name, and flush.
    2. Prove; then rename, and write the manifest: only now is it listed.
    3. Copy it to BACKUP_STORAGE, where there is one, and read it back.

    Ended by an error of ours in 1 or 2, it leaves no backup; in 3, one without copies.
    """
    place, source = _place(conf), open_source(alias, conf)
    expected = _check_space(engine, source, place, proof, keep, part)
    jobs = _jobs(engine, 1 if part else jobs, source, expected)
    final = _free(place, backup_id(source, run_id, datetime.now(UTC), part))
    with _pending(final, jobs) as pending:
        job = Job(
            id=final.stem,
            run=run_id,
            source=source,
            pending=pending,
            report=report,
            expected_bytes=expected.dump_bytes,
            read_back=proof > Proof.NONE,
            jobs=jobs,
            part=part,
        )
        manifest = _published(engine, job, place, proof, keep)
    if manifest.pause:
        removal.remove_superseded(place, manifest, conf)
    return _copied(place, manifest, conf, report)


def _jobs(
    engine: AnyEngine, asked: int | None, source: Source, expected: Estimate
) -> int:
    if engine.exclusive or isinstance(engine, ClusterEngine):
        return 1
    if asked is None:
        return jobs_for(expected.database_bytes)
    with source.connect() as connection:
        check_jobs(connection, asked)
    return asked


def _pending(
    final: Path, jobs: int
) -> AbstractContextManager[PendingFile | PendingTree]:
    return pending_tree(final) if jobs > 1 else directory.pending_file(final)


def _published(
    engine: AnyEngine, job: Job, place: Path, proof: Proof, keep: Role | None
) -> Manifest:
    """Take what is a backup only when this returns; what it holds else, is let go."""
    taken = engine.take(job)
    try:
        manifest = _proven(engine, job, taken, proof, keep)
        job.pending.publish()
        catalog.write(place, manifest)
    except BaseException:
        if isinstance(engine, ClusterEngine):
            engine.let_go(job.source.conf, taken.manifest)
        raise
    return manifest


def _proven(
    engine: AnyEngine, job: Job, taken: Taken, proof: Proof, keep: Role | None
) -> Manifest:
    draft = _with_sources(taken.manifest)
    job.report(_step("prove", State.STARTED))
    archive = Archive(manifest=draft, path=job.pending.path, rows=taken.rows)
    proven = prove(engine, job.source, archive, proof, report=job.report, keep=keep)
    return sign(replace(draft, proof=proven), job.source.conf)


def _copied(
    place: Path, manifest: Manifest, conf: Conf, report: ProgressCallback
) -> Manifest:
    if not conf.backup_storage:
        return manifest
    report(_step("upload", State.STARTED))
    copied = storage.upload(place, manifest, conf)
    catalog.write(place, copied)
    return copied


def backup_id(
    source: Source, run_id: str, at: datetime, part: Part | None = None
) -> str:
    """Return backup-{environment}-{timestamp}-{database}-{run}, safe as a name.

    The manifest holds database and run in full. A part is told by its name too.
    """
    database = re.sub(r"[^A-Za-z0-9_]", "_", source.database)[:40]
    run = re.sub(r"[^A-Za-z0-9]", "", run_id)[:12]
    timestamp = f"{at:%Y%m%dT%H%M%SZ}"
    name = f"backup-{source.conf.environment}-{timestamp}-{database}-{run}"
    return f"{name}-part" if part else name


def _free(place: Path, name: str) -> Path:
    """Return where it goes; a run may take two of a kind in one second."""
    more = (f"{name}-{number}" for number in itertools.count(2))
    names = itertools.chain([name], more)
    return next(
        place / f"{each}.dump"
        for each in names
        if not os.path.lexists(place / f"{each}.json")
    )


def _with_sources(draft: Manifest) -> Manifest:
    """Say which migration files the applied ones were, as they are in this release."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    migrations = tuple(
        replace(m, source=source_hash(file))
        if (file := loader.disk_migrations.get((m.app, m.name)))
        else m
        for m in draft.migrations
    )
    return replace(draft, migrations=migrations)


def _check_space(
    engine: AnyEngine,
    source: Source,
    place: Path,
    proof: Proof,
    keep: Role | None,
    part: Part | None,
) -> Estimate:
    """Refuse before an hour of dumping what would fail after it.

    What is kept is made on the live server, whatever proves else.
    """
    if part:
        return check_part(place, part)
    with source.connect() as connection:
        expected = estimate(connection, source.conf, proof)
        if isinstance(engine, ClusterEngine):
            return expected
        space.check_dump(place, expected)
        if keep or not source.conf.proof_url:
            space.check_copy(
                connection, expected.server_bytes, otherwise=_without_copy(keep)
            )
    return expected


def _without_copy(keep: Role | None) -> str:
    """Return how the backup is proven with nothing restored on the live server."""
    if keep is None:
        return f"set {_ELSEWHERE}"
    if keep is Role.READY:
        return f"leave --ready-copy out and set {_ELSEWHERE}"
    return f"set POLICY's backup to 'restored' and {_ELSEWHERE}"


def check_part(place: Path, part: Part) -> Estimate:
    """Refuse before a physical backup what would fail after it."""
    expected = estimate_part(part)
    space.check_dump(place, expected)
    return expected


def _place(conf: Conf) -> Path:
    """Return BACKUP_DIR, cleared of what dead writers left.

    Raises ConfigurationError where no backup could be signed, or would not last.
    """
    signing.keys(conf)
    if conf.backup_storage:
        storage.check(conf)
    kept = conf.backup_dir_outlives_host or conf.backup_storage
    if conf.environment.is_protected and not kept:
        raise ConfigurationError(
            "A backup on the disk of this host alone does not count here: when the "
            "host is gone, so is it. Nothing was changed.",
            remedy='Set MIGRATIONOPS["BACKUP_STORAGE"], or '
            '"BACKUP_DIR_OUTLIVES_HOST": True when BACKUP_DIR lies elsewhere.',
        )
    place = directory.backup_directory(conf)
    directory.collect_leftovers(place)
    return place


def _step(label: str, state: State) -> Progress:
    return Progress(stage=Stage.BACKUP, state=state, label=label)
