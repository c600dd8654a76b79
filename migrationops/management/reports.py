"""One report a function, as the text that an operator reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrationops.backups.replay import resume_command
from migrationops.management.rendering import proof_text, size, table
from migrationops.wording import duration, many
from migrationops.workflows.migration_run import Outcome, Report

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from migrationops.executor.runner import Applied
    from migrationops.lint.report import LintReport
    from migrationops.plan import Plan
    from migrationops.rehearsal.rehearse import Rehearsal
    from migrationops.workflows import migration_status, resolve_migration, seed
    from migrationops.workflows.part_backup import PartBackup


def safe_migrate_text(report: Report) -> str:
    """Say what was planned or done, in the order in which it happened."""
    where = f"{report.database} ({report.environment}, policy {report.policy})"
    head = f"{report.outcome.value.capitalize()} on {where}"
    lines = [f"{head} in {duration(report.seconds)}."]
    if report.outcome is Outcome.PLANNED:
        lines += _plan(report.plan)
    if report.warnings:
        lines += ["Warnings:", table([[w.message, w.remedy] for w in report.warnings])]
    lines += _before(report)
    if backup := report.backup:
        proof = proof_text(backup.proof)
        lines.append(f"Backup: {backup.id} ({size(backup.size)}, {proof})")
        lines += _pause(backup)
    if report.part:
        lines += _part(report.part)
    if report.applied:
        rows = [[a.label, duration(a.seconds), _how(a)] for a in report.applied]
        lines += ["Applied:", table(rows)]
    if report.verification:
        seen = report.verification
        compared = (
            f", {many(seen.compared, 'table')} as rehearsed" if seen.compared else ""
        )
        lines.append(f"Verified: catalog {seen.catalog[:12]}{compared}.")
    if report.run:
        lines.append(f"Run {report.run}.")
    return "\n".join(lines)


def _pause(backup: Manifest) -> list[str]:
    """Say that a standby does not go on by itself."""
    if backup.pause is None:
        return []
    return [
        f"  by the standby, which stays paused at {backup.pause.lsn} until the next "
        "backup,",
        "  `backups expire --apply` once it is old, or: "
        f"{resume_command(backup.pause.where)}",
    ]


def _part(part: PartBackup) -> list[str]:
    """Say whose rows were dumped beside a physical backup, and whose were not."""
    tables, lines = ", ".join(part.tables), []
    if part.id:
        lines.append(f"  and the rows of {tables}: {part.id}")
    if part.skipped:
        lines.append(f"  not the rows of {tables} by themselves: {part.skipped}.")
    return lines + [
        f"  tables not known, rows in the physical backup only: {why}"
        for why in part.unknown
    ]


def seed_text(report: seed.Report) -> str:
    """Say what was created, what was there before, and what was made in bulk."""
    seeded = report.seeded
    labels = sorted({*seeded.created, *seeded.present})
    rows = [
        [x, f"{seeded.created.get(x, 0)} created", f"{seeded.present.get(x, 0)} there"]
        for x in labels
    ]
    first = " after emptying it" if report.flushed else ""
    lines = [f"Seeded {report.database} ({report.environment}){first}.", table(rows)]
    if report.generated:
        made = [[name, many(count, "row")] for name, count in report.generated.items()]
        lines += [
            f"Generated {many(sum(report.generated.values()), 'row')}:",
            table(made),
        ]
    return "\n".join(lines)


def status_text(status: migration_status.Status) -> str:
    """Say in a few lines where the database stands."""
    where = f"{status.database} ({status.environment or 'not stamped'})"
    lines = [f"{where}: {many(status.applied, 'migration')} applied."]
    for title, names in (
        ("Pending", status.pending),
        ("Missing files", status.missing),
        ("Unfinished runs", status.unfinished),
        ("INVALID indexes", status.invalid_indexes),
    ):
        if names:
            lines += [f"{title}:", *(f"  {name}" for name in names)]
    if last := status.last_run:
        lines.append(f"Last run: {last}")
    return "\n".join(lines)


def resolve_migration_text(report: resolve_migration.Report) -> str:
    """Say what is on record now, what it rests on, and what to do next."""
    lines = [f"{report.migration} is {report.settled.value} on {report.database}."]
    if not report.shown:
        lines.append(
            "The schema is the same with and without it: for its rows there is only "
            "your word."
        )
    if report.elsewhere:
        lines += ["Elsewhere the schema differs too:"]
        lines += [f"  {difference}" for difference in report.elsewhere]
    lines += [f"Run {run} is resolved." for run in report.runs]
    if not (report.recorded or report.runs):
        lines.append("There was nothing to settle.")
    return "\n".join([*lines, "Next: manage.py safe_migrate"])


def _plan(plan: Plan) -> list[str]:
    if not plan.migrations:
        return ["No migration is pending."]
    rows = [
        [m.label, m.phase or "-", "; ".join(m.operations)[:80]] for m in plan.migrations
    ]
    return [f"Plan {plan.fingerprint[:12]}:", table(rows)]


def _before(report: Report) -> list[str]:
    """Say what was known before anything was touched."""
    lint = _lint(report.lint) if report.lint else []
    rehearsal = _rehearsal(report.rehearsal) if report.rehearsal else []
    return lint + rehearsal + [f"Disagreement: {d}" for d in report.disagreements]


def _lint(lint: LintReport) -> list[str]:
    """Name what is worth a look; what is safe needs no line."""
    shown = [f for f in lint.findings if f.severity != "safe"]
    counted = many(len(lint.findings), "finding") if lint.findings else "nothing found"
    return [f"Lint: {lint.worst}, {counted}."] + [
        f"  {f.severity} {f.app}.{f.migration}: {f.message} ({f.rule})" for f in shown
    ]


def _rehearsal(rehearsal: Rehearsal) -> list[str]:
    """Say what was seen, and what is worth a look."""
    performance = rehearsal.performance
    seconds = sum(m.seconds for m in performance.migrations)
    back = "and back" if performance.reversed else "not back"
    lines = [
        f"Rehearsed: {many(len(performance.steps), 'statement')} in "
        f"{duration(seconds)}, forward {back}."
    ]
    for title, found in (
        ("cannot go back", performance.irreversible),
        ("the running release would fail", performance.incompatible),
        ("refused in the rehearsal", performance.refusals),
        ("the shadow lacked", rehearsal.lacking),
    ):
        lines += [f"  {title}: {item}" for item in found]
    return lines


def _how(applied: Applied) -> str:
    tries = [f"{applied.tries} tries"] if applied.tries > 1 else []
    locked = ", ".join(map(str, applied.locked))
    return "; ".join(tries + ([f"locked first: {locked}"] if locked else []))
