"""Replace a database by a backup's content, or restore it beside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connections

from migrationops import history, stamp
from migrationops.backups import followers, into, obstacles, restore, selection
from migrationops.backups.build import Built
from migrationops.backups.derived import Derived
from migrationops.backups.losses import Accepted
from migrationops.backups.manifest import Manifest
from migrationops.backups.restore import TakenOver
from migrationops.backups.selection import Backup
from migrationops.backups.source import Source, open_source
from migrationops.conf import Conf, get_conf
from migrationops.models import Step
from migrationops.postgres.locks import RunnerLock
from migrationops.progress import Progress, ProgressCallback, Stage, State
from migrationops.workflows.aftermath import Aftermath
from migrationops.workflows.confirmation import Ask, confirm_name
from migrationops.workflows.preparation import install_own_tables, locked
from migrationops.workflows.restored import Report
from migrationops.workflows.standing import RestoreWatch

_COMMAND = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the operator asked for; `backup` None is the newest of this database."""

    alias: str
    backup: str | None = None
    into: str | None = None
    accepted: Accepted = field(default_factory=Accepted)
    list_losses: bool = False
    trust: bool = False
    from_ready_copy: bool = False
    drop_slots: bool = False
    accept_missing: bool = False
    accept_stale_replicas: bool = False
    replicas: tuple[str, ...] = ()
    wait: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """The parts that every step of a restore needs."""

    request: Request
    conf: Conf
    source: Source
    backup: Backup
    report: ProgressCallback
    started: float

    @property
    def manifest(self) -> Manifest:
        return self.backup.manifest


def restore_backup(
    request: Request, report: ProgressCallback, ask: Ask | None = None
) -> Report:
    """Restore a backup.

    1. Read stamp and manifest, refuse what cannot be; `ask` for the name of what is
       replaced.
    2. Under the runner lock: build beside, verify, carry over what belongs to the
       name, and swap, unless more would be lost than was accepted.
    3. Record, in the database that is live then.
    """
    started = time.monotonic()
    conf = get_conf()
    stamp.require_environment(request.alias, conf)
    source = open_source(request.alias, conf)
    task = _Task(
        request=request,
        conf=conf,
        source=source,
        backup=selection.find_backup(source, request.backup, trust=request.trust),
        report=report,
        started=started,
    )
    _tell_which(task)
    if request.into is None:
        selection.check_whole(task.manifest)
        confirm_name(ask, source.database)
    with locked(
        request.alias, conf, _COMMAND, wait=request.wait, report=report
    ) as lock:
        beside = request.into is not None
        return _restore_beside(task) if beside else _replace(task, lock)


def _tell_which(task: _Task) -> None:
    """Name the newest, which may not be the last; say whose data another's are."""
    manifest = task.manifest
    if task.request.backup is None:
        label = f"the newest usable backup is {manifest.id}"
    elif manifest.database != task.source.database:
        label = f"{manifest.id} is a backup of another database, {manifest.database!r}"
    else:
        return
    task.report(Progress(stage=Stage.RESTORE, state=State.ADVANCED, label=label))


def _restore_beside(task: _Task) -> Report:
    name = task.request.into or ""
    into.check_name(task.source, name)
    with _told(task, "build"):
        built = _build(task, _COMMAND)
    into.give_name(task.source, built.database, name, task.manifest)
    return Report(
        database=name,
        backup=task.manifest.id,
        rows=built.rows,
        missing=built.skipped + task.manifest.left_out,
        seconds=time.monotonic() - task.started,
    )


def _replace(task: _Task, lock: RunnerLock) -> Report:
    request, source = task.request, task.source
    _check_before(task)
    install_own_tables(request.alias, task.conf, lock, task.report)
    watch = RestoreWatch(source)
    with history.recording(
        request.alias, task.conf, _COMMAND, task.report, standing=watch.standing
    ) as run:
        run.journal.update(backup=task.manifest.to_json())
        with _told(task, "build"):
            built = _build(task, run.run_id)
        # From these on, losses are counted after it (lineage.py).
        detail = {"counters": restore.beginning(source, built.database)}
        with run.journal.step(Step.Kind.STAGE, Stage.RESTORE, detail=detail):
            rows = restore.make_ready(source, built.database, task.manifest, run.run_id)
            with run.journal.suspended(request.alias, _COMMAND), _told(task, "swap"):
                taken, after = _swap(task, built.database)
                after.install_own_tables(lock, task.report)
                rows = rows or after.carry_history(run) or 0
        done = _report(task, taken, built, rows, after)
        run.journal.update(report=done.to_json())
    return done


def _build(task: _Task, run: str) -> Built:
    if task.request.from_ready_copy:
        return restore.ready_copy(task.source, task.manifest)
    return restore.incoming(
        task.source,
        task.backup,
        run,
        accept_missing=task.request.accept_missing,
        report=task.report,
    )


def _check_before(task: _Task) -> None:
    request, source = task.request, task.source
    connections[request.alias].close()  # or it would be an obstacle itself
    with source.maintenance() as connection:
        obstacles.check_build(connection, source, task.manifest)
        obstacles.check_swap(
            connection,
            source,
            drop_slots=request.drop_slots,
            accept_stale_replicas=request.accept_stale_replicas
            or bool(request.replicas),
        )
    followers.check(source, request.replicas)
    restore.check_losses(source, task.manifest, request.accepted)


def _swap(task: _Task, built: Derived) -> tuple[TakenOver, Aftermath]:
    source, replicas = task.source, task.request.replicas
    with followers.connected(source, replicas) as standbys:
        taken = restore.take_over(
            source, built, task.manifest, accepted=task.request.accepted
        )
        after = Aftermath(source=source, conf=task.conf, kept=taken.kept)
        after.do(
            "sessions on standbys may be in the old database",
            lambda: followers.end_sessions(source, standbys, taken.kept),
        )
    return taken, after


def _report(
    task: _Task, taken: TakenOver, built: Built, history_rows: int, after: Aftermath
) -> Report:
    request = task.request
    return Report(
        database=task.source.database,
        backup=task.manifest.id,
        rows=built.rows,
        missing=built.skipped + task.manifest.left_out,
        seconds=time.monotonic() - task.started,
        kept=taken.kept.name,
        outage=taken.outage,
        history_rows=history_rows,
        losses=taken.losses,
        differences=after.differences() if request.list_losses else None,
        dropped_slots=after.drop_slots() if request.drop_slots else (),
        warnings=tuple(after.warnings),
    )


@contextmanager
def _told(task: _Task, label: str) -> Iterator[None]:
    task.report(Progress(stage=Stage.RESTORE, state=State.STARTED, label=label))
    yield
    task.report(Progress(stage=Stage.RESTORE, state=State.DONE, label=label))
