"""Rehearse what is pending, or a raw script; change nothing that lives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrationops import graph
from migrationops.conf import get_conf
from migrationops.graph import Target
from migrationops.plan import Plan, build_plan
from migrationops.progress import ProgressCallback
from migrationops.rehearsal.copying import load_script
from migrationops.rehearsal.rehearse import Rehearsal, rehearse
from migrationops.rehearsal.script import Statement, run_script
from migrationops.shadow.database import shadow_database
from migrationops.workflows.disagreement import Disagreement, disagreements
from migrationops.workflows.lint_migrations import lint_pending
from migrationops.workflows.scripts import read_script


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRequest:
    """A script, and the schema that it starts from."""

    alias: str
    sql: Path
    schema: Path
    in_transaction: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptReport:
    """What each statement of a script did."""

    statements: tuple[Statement, ...]

    @property
    def failed(self) -> bool:
        return any(statement.error for statement in self.statements)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "statements": [statement.to_json() for statement in self.statements],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """A plan and its rehearsal; none when nothing is pending."""

    plan: Plan
    rehearsal: Rehearsal | None = None
    disagreements: tuple[Disagreement, ...] = ()

    @property
    def failed(self) -> bool:
        return self.rehearsal is not None and not self.rehearsal.passed

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "plan": self.plan.to_json(),
            "rehearsal": self.rehearsal.to_json() if self.rehearsal else None,
            "disagreements": [d.to_json() for d in self.disagreements],
        }


def rehearse_plan(
    alias: str, target: Target, *, with_data: bool = False, tell: ProgressCallback
) -> PlanReport:
    """Lint what is pending, run it on a shadow of the live database, and compare."""
    loader, conf = graph.load(alias), get_conf()
    pending = build_plan(loader, alias=alias, target=target)
    if not pending.migrations:
        return PlanReport(plan=pending)
    chosen = {m.key for m in pending.migrations}
    lint = lint_pending(loader, alias, conf, chosen)
    found = rehearse(pending, conf, with_data=with_data, report=tell)
    return PlanReport(
        plan=pending, rehearsal=found, disagreements=disagreements(lint, found)
    )


def rehearse_script(request: ScriptRequest) -> ScriptReport:
    """Load the schema into a shadow database and run the script there, traced."""
    script = read_script(request.sql)
    read_script(request.schema)
    conf = get_conf()
    with shadow_database(request.alias, conf) as shadow:
        load_script(shadow, request.schema, conf)
        with shadow.connect() as connection, shadow.connect() as beside:
            return ScriptReport(
                statements=run_script(
                    connection, beside, script, in_transaction=request.in_transaction
                )
            )
