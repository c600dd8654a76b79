"""Reports about backups and restores, as the text that an operator reads."""

from __future__ import annotations

from collections.abc import Iterable

from migrationops.backups.difference import Difference
from migrationops.backups.manifest import Manifest
from migrationops.backups.replay import resume_command
from migrationops.management.rendering import proof_text, size, table
from migrationops.wording import duration, many
from migrationops.workflows import backup, expire_backups, install_schedules
from migrationops.workflows.backups import Listed, Verified
from migrationops.workflows.restored import Report


def backup_text(report: backup.Report) -> str:
    """Say where the backup is and how far it was proven."""
    manifest = report.backup
    return (
        f"Backup {manifest.id} in {duration(report.seconds)}: {_size(manifest)} of "
        f"{size(manifest.database_bytes)}, {_shown(manifest)}."
    )


def restore_text(report: Report) -> str:
    """Say what is live now, what was kept, and what was lost."""
    lines = [
        f"Restored {report.backup} into {report.database} in "
        f"{duration(report.seconds)}: {many(report.rows, 'row')} compared."
    ]
    if report.kept:
        lines += [
            f"Nobody could connect for {_outage(report)}. What was live is kept as "
            f"{report.kept} (read-only).",
            f"Lost since the backup: at most {many(report.losses.at_most, 'row')}."
            if report.losses.at_most is not None
            else "Lost since the backup: an unknown number of rows (--list-losses).",
        ]
    if report.differences is not None:
        lines += _differences(report.differences)
    if report.missing:
        lines += ["Not restored:", table([[name] for name in report.missing])]
    lines += [f"Warning: {warning}" for warning in report.warnings]
    if report.dropped_slots:
        lines.append(f"Dropped slots: {', '.join(report.dropped_slots)}.")
    return "\n".join(lines)


def _outage(report: Report) -> str:
    if report.outage is None:
        return "a time that is not known (the connection was lost)"
    return duration(report.outage)


def backups_text(listed: Listed) -> str:
    """List what can be restored, what cannot, and what lies about."""
    listing = listed.listing
    rows = [
        [
            m.id,
            m.engine,
            _size(m),
            _shown(m),
            f"{m.started:%Y-%m-%d %H:%M} UTC",
        ]
        for m in listing.backups
    ]
    lines = [f"{many(len(rows), 'backup')} in {listed.directory}"]
    lines += [table(rows)] if rows else []
    lines += _section("Unusable", ([_plain(u.id), u.problem] for u in listing.unusable))
    lines += _section("Unfinished", ([_plain(name)] for name in listing.leftovers))
    lines += [f"Note: {note}" for note in listed.notes]
    lines += _section(
        "Databases beside",
        (
            [d.name, d.role, d.backup, f"{d.at:%Y-%m-%d %H:%M} UTC" if d.run else ""]
            for d in listed.databases
        ),
    )
    return "\n".join(lines)


def verified_text(found: Iterable[Verified]) -> str:
    """Say of each backup whether it holds."""
    rows = [
        [
            _plain(v.id),
            v.problem or f"holds: {v.level}, {many(v.rows, 'row')} compared",
            f"{many(v.copies, 'file')} in storage not read" if v.copies else "",
        ]
        for v in found
    ]
    return table(rows, indent="") or "There is no backup to verify."


def schedules_text(report: install_schedules.Report) -> str:
    """Say which schedules there are, and which of them are new."""
    rows = [
        [name, "created" if name in report.created else "there already"]
        for name in report.schedules
    ]
    return table(rows, indent="")


def expired_text(report: expire_backups.Report) -> str:
    """Say what goes, or would go, and why the rest stays."""
    verb = "Deleted" if report.applied else "Would delete (--apply does)"
    gone = [*report.expiry.expired, *report.leftovers, *report.databases]
    lines = [f"{verb}: {len(gone)}", *(f"  {_plain(name)}" for name in gone)]
    kept = [[k.id, ", ".join(k.reasons)] for k in report.expiry.kept]
    return "\n".join([*lines, *_section("Kept", kept)])


def _size(manifest: Manifest) -> str:
    point, part = manifest.point, manifest.part
    if pause := manifest.pause:
        return f"a standby paused at {pause.lsn}, until {resume_command(pause.where)}"
    if part is not None:
        return f"{size(manifest.size)}, rows of {', '.join(part.tables)} only"
    if point is None:
        return size(manifest.size)
    return f"{size(point.repository_bytes)} of pgBackRest's {point.label}"


def _shown(manifest: Manifest) -> str:
    """Say what was shown of the backup, and what of its copies."""
    proof = proof_text(manifest.proof)
    if not manifest.copies:
        return proof
    if manifest.is_copied_as_proven:
        return f"{proof}; in storage: read back, the same bytes"
    return f"{proof}; in storage: encrypted, read back, never decrypted"


def _plain(name: str) -> str:
    """Return a file's name as one line that tells a terminal nothing else."""
    return name if name.isprintable() else ascii(name)


def _section(title: str, rows: Iterable[list[str]]) -> list[str]:
    text = table(rows)
    return [f"{title}:", text] if text else []


def _differences(differences: tuple[Difference, ...]) -> list[str]:
    rows = [
        [
            d.table,
            f"{d.lost} lost",
            f"{d.changed} changed back",
            f"{d.returned} returned",
            " ".join(d.keys),
        ]
        for d in differences
    ]
    return ["Against the kept database:", table(rows) or "  no row differs"]
