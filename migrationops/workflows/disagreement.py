"""Where lint and the rehearsal disagree: a bug of a rule, or a surprise."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from migrationops.executor.recorded import StepKind
from migrationops.lint.report import LintReport
from migrationops.postgres.splitting import split
from migrationops.rehearsal.record import RehearsedStep
from migrationops.rehearsal.rehearse import Rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A statement that blocks as the one says and not the other; None: unknown."""

    migration: str
    position: int
    sql: str
    foretold: bool | None
    measured: bool

    def __str__(self) -> str:
        said = {True: "that it blocks", False: "that it does not", None: "nothing"}
        did = "it did" if self.measured else "it did not"
        where = f"{self.migration} step {self.position}"
        return (
            f"{where}: lint said {said[self.foretold]}, {did}: {_text(self.sql)[:80]}"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def disagreements(lint: LintReport, rehearsal: Rehearsal) -> tuple[Disagreement, ...]:
    """Compare what was foretold of each statement with what it did on the shadow.

    Where lint could not know, only what blocks is worth a line.
    """
    said: dict[tuple[str, str], list[bool | None]] = defaultdict(list)
    for one in lint.foretold:
        said[one.migration, _text(one.sql)].append(one.blocks)
    return tuple(
        found
        for migration in rehearsal.performance.migrations
        for step in migration.steps
        if step.kind is StepKind.SCHEMA and step.facts
        if (found := _compare(said, rehearsal, migration.label, step))
    )


def _compare(
    said: dict[tuple[str, str], list[bool | None]],
    rehearsal: Rehearsal,
    migration: str,
    step: RehearsedStep,
) -> Disagreement | None:
    """Compare one step, of one statement or of several that were sent together."""
    answers = [said[migration, _text(part)] for part in split(step.sql)]
    if not all(answers):
        return None  # lint did not see all of it
    taken = {answer.pop(0) for answer in answers}
    foretold = True if True in taken else None if None in taken else False
    measured = _blocks(rehearsal, migration, step)
    if measured is None or bool(foretold) is measured:
        return None
    return Disagreement(
        migration=migration,
        position=step.position,
        sql=step.sql,
        foretold=foretold,
        measured=measured,
    )


def _blocks(rehearsal: Rehearsal, migration: str, step: RehearsedStep) -> bool | None:
    """Tell what it would do to the live tables; without rows nothing can be read."""
    if rehearsal.with_data or (step.facts and step.facts.alone):
        return step.facts.blocks if step.facts else None
    return any(
        found.blocks_writers and (found.rows > 0 or found.work == "rewritten")
        for found in rehearsal.estimates
        if (found.migration, found.position) == (migration, step.position)
    )


def _text(sql: str) -> str:
    return " ".join(sql.split()).rstrip("; ")
