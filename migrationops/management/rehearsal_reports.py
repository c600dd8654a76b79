"""Rehearsals as text."""

from __future__ import annotations

from migrationops.management.rendering import duration, table
from migrationops.rehearsal.script import Statement
from migrationops.workflows.rehearse import ScriptReport

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
