"""Rehearsals as text."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.management.rendering import size, table
from migrationops.rehearsal.estimate import Estimate
from migrationops.rehearsal.record import Performance, RehearsedMigration, RehearsedStep
from migrationops.rehearsal.script import Statement
from migrationops.wording import duration, many
from migrationops.workflows.rehearse import PlanReport, ScriptReport

_BLOCKS = {True: "yes", False: "no", None: "unknown"}


def script_text(report: ScriptReport) -> str:
    """Return one line a statement: what it locked, what it worked on."""
    heads = ("", "statement", "locks", "worked on", "blocks", "took")
    return table([heads, *(_row(s) for s in report.statements)])


def _row(statement: Statement) -> tuple[str, ...]:
    line = statement.sql.splitlines()[0][:60]
    if statement.error:
        return str(statement.index), line, statement.error[:60], "", "", ""
    facts = statement.facts
    if facts is None:
        return str(statement.index), line, "", "", "", ""
    worked = dict.fromkeys((*facts.rewritten, *facts.scanned))
    return (
        str(statement.index),
        line,
        " ".join(f"{name}:{lock.name}" for name, lock in facts.locks.items()),
        " ".join(worked),
        _BLOCKS[statement.blocks],
        duration(facts.seconds),
    )


def plan_text(report: PlanReport) -> str:
    """Return what the plan did on the shadow, for people."""
    rehearsal = report.rehearsal
    if rehearsal is None:
        return "Nothing is pending, so there is nothing to rehearse."
    lines = [_table(m) for m in rehearsal.performance.migrations]
    lines += _verdicts(rehearsal.performance)
    lines += [
        f"The shadow differs from the live schema: {d}" for d in rehearsal.lacking
    ]
    lines += [f"Disagreement: {d}" for d in report.disagreements]
    if rehearsal.estimates:
        lines += [_WHENCE[rehearsal.with_data]]
        lines += [table([_estimate(e) for e in rehearsal.estimates])]
    return "\n".join(lines)


_WHENCE = {
    False: "On the live tables (an estimate from their sizes):",
    True: "Measured on a copy of the live rows:",
}


def _table(migration: RehearsedMigration) -> str:
    rows = [_step(step) for step in migration.steps]
    return f"{migration.label} ({duration(migration.seconds)})\n{table(rows)}".rstrip()


def _step(step: RehearsedStep) -> tuple[str, ...]:
    line = (step.sql or step.description).strip().splitlines()[0][:60]
    facts = step.facts
    if facts is None:
        return str(step.position), line, "", "", ""
    return (
        str(step.position),
        line,
        " ".join(f"{name}:{lock.name}" for name, lock in facts.locks.items()),
        " ".join(f"rewrites {name}" for name in facts.rewritten),
        duration(facts.seconds),
    )


def _verdicts(performance: Performance) -> Iterator[str]:
    if performance.failure:
        yield f"FAILED: {performance.failure}"
    elif performance.reversed:
        yield "Forward, back and forward again: the catalogs agree."
    for reason in performance.irreversible:
        yield f"The way back is not proven: {reason}"
    yield from performance.incompatible
    yield from (f"Refused: {refusal}" for refusal in performance.refusals)
    if performance.mails:
        yield f"Kept in memory: {many(performance.mails, 'mail')}."


def _estimate(estimate: Estimate) -> tuple[str, ...]:
    return (
        f"{estimate.migration} step {estimate.position}",
        f"{estimate.table} {estimate.work} under {estimate.lock}",
        many(estimate.rows, "row"),
        size(estimate.bytes),
        f"{'' if estimate.measured else 'about '}{duration(estimate.seconds)}",
        "writers wait" if estimate.blocks_writers else "",
    )
