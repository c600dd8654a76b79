"""Beside a physical backup: a dump of the tables whose rows the plan changes.

The whole cluster is gone back to by hand, and loses what others wrote. Rows of a few
tables can be copied back from this.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from migrationops.backups import directory
from migrationops.backups.estimate import estimate_part
from migrationops.backups.manifest import Manifest
from migrationops.backups.part import Part
from migrationops.backups.take import check_part, take_backup
from migrationops.conf import Proof
from migrationops.lint import live
from migrationops.lint.touched import touched
from migrationops.postgres import introspection
from migrationops.workflows.migration_run import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PartBackup:
    """The dump's id, empty where there is none, and then why not.

    `unknown` says of what the tables are not known: those rows are in the physical
    backup only.
    """

    id: str = ""
    tables: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    skipped: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def plan_part(work: Work, spare: float | None) -> tuple[Part | None, PartBackup | None]:
    """Say what is to be dumped, and what is to be said of it.

    What only adds needs none. `spare` are the seconds that the time budget leaves,
    None without one. Raises PreconditionError where there is no room for the dump.
    """
    wanted = {m.key for m in work.plan.migrations if not m.additive}
    if not wanted:
        return None, None
    connection = work.run.journal.connection
    world = live.read_world(connection)
    world.complete = False  # as for lint: the catalog may leave something out
    found = touched(
        wanted,
        work.loader,
        world,
        alias=work.alias,
        applied=set(work.loader.applied_migrations),
    )
    sizes = introspection.sizes(connection)
    tables = tuple(sorted(found.tables & sizes.keys()))
    if not tables:
        said = PartBackup(unknown=found.unknown) if found.unknown else None
        return None, said
    size = sum(sizes[name].bytes for name in tables)
    part = Part(tables=tables, bytes=size, unknown=found.unknown)
    reason = _too_big(work, part, spare)
    if not reason:
        check_part(directory.backup_directory(work.conf), part)
    said = PartBackup(tables=tables, unknown=found.unknown, skipped=reason)
    return (None if reason else part), said


def take_part(work: Work, part: Part) -> Manifest:
    """Dump it and count its rows; not on a scratch database, which takes longer."""
    return take_backup(
        alias=work.alias,
        conf=work.conf,
        run_id=work.run.run_id,
        proof=Proof.COUNTED,
        report=work.run.report,
        part=part,
    )


def _too_big(work: Work, part: Part, spare: float | None) -> str:
    """Return why it is not dumped, or ''."""
    size = f"they have {part.bytes / 1e9:,.1f} GB"
    if part.bytes >= work.conf.policy.physical_from:
        return f"{size}, which is not dumped from POLICY's physical_from on"
    seconds = estimate_part(part).seconds
    if spare is not None and seconds > spare:
        return (
            f"{size}, whose dump would take about {_text(seconds)}, and the time "
            f"budget leaves {_text(max(spare, 0))}"
        )
    return ""


def _text(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
