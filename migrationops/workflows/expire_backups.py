"""Delete the backups that retention lets go, and what restores left beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from migrationops import stamp
from migrationops.backups import catalog, derived, directory, verify
from migrationops.backups.derived import Derived, Role
from migrationops.backups.engines import let_go
from migrationops.backups.manifest import Manifest
from migrationops.backups.presence import present
from migrationops.backups.removal import remove_backup
from migrationops.backups.retention import Expiry, Retention, choose
from migrationops.backups.source import Source, open_source
from migrationops.conf import Proof, get_conf
from migrationops.exceptions import BackupError
from migrationops.models import Run
from migrationops.postgres import beside
from migrationops.workflows.preparation import locked

KEPT_FOR = timedelta(days=7)  # databases that restores replaced
_LEFTOVER_AGE = timedelta(days=1)  # someone may be copying a backup in
_WANTED = (
    Run.State.OPEN,
    Run.State.FAILED,
    Run.State.STOPPED,
    Run.State.DIFFERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the operator asked for; without `apply` nothing is deleted."""

    alias: str
    retention: Retention
    apply: bool = False
    wait: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What stays and what goes; `applied` says whether it went."""

    expiry: Expiry
    databases: tuple[str, ...]
    leftovers: tuple[str, ...]
    applied: bool

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}


def expire_backups(request: Request) -> Report:
    """Decide, and with `apply` delete, under the runner lock.

    A backup's manifest goes first: without it there is no backup, only a file.
    Raises BackupError where the newest proven one is damaged.
    """
    conf = get_conf()
    stamp.require_environment(request.alias, conf)
    request.retention.check()
    with locked(request.alias, conf, "backups", wait=request.wait):
        place = directory.backup_directory(conf)
        source = open_source(request.alias, conf)
        report = _decide(request, source, place)
        if report.expiry.expired:
            _check_newest(source, place)
        if request.apply:
            _delete(report, source, place)
    return report


def _decide(request: Request, source: Source, place: Path) -> Report:
    now = datetime.now(UTC)
    own = catalog.list_backups(place, source.conf)
    listing = present(own, source)
    unasked = {u.id for u in listing.unusable if not u.gone}
    expiry = choose(
        [m for m in listing.backups if m.database == source.database],
        request.retention,
        now=now,
        needed_runs=_needed(request.alias, listing.backups),
        pause=source.conf.policy.max_backup_age,
        lasting_runs=frozenset(m.run for m in own.backups if m.id in unasked),
    )
    gone = tuple(unusable.id for unusable in listing.unusable if unusable.gone)
    expiry = replace(expiry, expired=expiry.expired + gone)
    lasting = unasked | {m.id for m in listing.backups} - set(expiry.expired)
    with source.maintenance() as connection:
        found = derived.find_derived(connection, source.database)
    return Report(
        expiry=expiry,
        databases=tuple(d.name for d in found if _is_old(d, now, lasting)),
        leftovers=tuple(
            name for name in listing.leftovers if _is_old_file(place / name, now)
        ),
        applied=request.apply,
    )


def _check_newest(source: Source, place: Path) -> None:
    """Let nothing go because of a newer backup that is damaged.

    Its level is from the day of its proof. Raises BackupError.
    """
    listing = catalog.list_backups(place, source.conf)
    own = [m for m in listing.backups if m.database == source.database]
    proven = [m for m in own if m.proof.level > Proof.NONE and m.part is None]
    for newest in {m.is_of_cluster: m for m in proven}.values():
        try:
            verify.check_archive(place / newest.archive, newest)
        except BackupError as exc:
            raise BackupError(
                f"{exc} It is the newest proven one, for which others would go.",
                remedy="Take a new one: manage.py backup; or mend it: manage.py "
                f"backups fetch {newest.id}. Then expire again.",
            ) from exc


def _needed(alias: str, backups: Iterable[Manifest]) -> frozenset[str]:
    """Return the runs whose backup a person may want: their own, or an earlier one."""
    runs = Run.objects.using(alias).filter(state__in=_WANTED)
    reused = set(runs.values_list("backup__id", flat=True))
    took = {m.run for m in backups if m.id in reused}
    return frozenset({str(run) for run in runs.values_list("id", flat=True)} | took)


def _is_old(found: Derived, now: datetime, lasting: set[str]) -> bool:
    if found.role is Role.COPY:
        return found.backup not in lasting
    return found.role is Role.KEPT and found.at < now - KEPT_FOR


def _is_old_file(path: Path, now: datetime) -> bool:
    written = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    return written < now - _LEFTOVER_AGE


def _delete(report: Report, source: Source, place: Path) -> None:
    for identifier in report.expiry.expired:
        manifest = catalog.read(place, identifier, source.conf)
        let_go(manifest, source.conf)
        remove_backup(place, manifest, source.conf)
    for name in report.leftovers:
        directory.remove(place / name)
    with source.maintenance() as connection:
        derived.collect_abandoned(connection, source.database)
        for name in report.databases:
            beside.drop(connection, name)
