"""What safe_migrate is asked, what it works on, and what it reports."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from migrationops import graph, plan
from migrationops.plan import Plan

if TYPE_CHECKING:
    from django.db.migrations.loader import MigrationLoader

    from migrationops.backups.manifest import Manifest
    from migrationops.conf import Conf
    from migrationops.executor.runner import Applied
    from migrationops.executor.session import Session
    from migrationops.executor.termination import Termination
    from migrationops.executor.verify import Verification
    from migrationops.graph import Target
    from migrationops.history import Recording
    from migrationops.lint.report import LintReport
    from migrationops.preconditions import Problem
    from migrationops.rehearsal.rehearse import Rehearsal
    from migrationops.workflows.disagreement import Disagreement
    from migrationops.workflows.part_backup import PartBackup


class Outcome(StrEnum):
    NOTHING = "nothing to do"
    PLANNED = "planned"
    APPLIED = "applied"
    MADE_GOOD = "finished what a killed run had left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the operator asked for; `wait` in seconds, None means the policy's.

    `termination` says whom of those who block us the run may end.
    """

    alias: str
    target: Target
    policy: str | None = None
    wait: float | None = None
    plan_only: bool = False
    termination: Termination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run did; `seconds` from its first question to its last row."""

    outcome: Outcome
    database: str
    environment: str
    policy: str
    plan: Plan
    seconds: float
    run: str = ""
    warnings: tuple[Problem, ...] = ()
    lint: LintReport | None = None
    rehearsal: Rehearsal | None = None
    backup: Manifest | None = None
    part: PartBackup | None = None
    applied: tuple[Applied, ...] = ()
    verification: Verification | None = None

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """What lint foretold and the rehearsal did not show, or the reverse."""
        if self.lint is None or self.rehearsal is None:
            return ()
        from migrationops.workflows.disagreement import disagreements

        return disagreements(self.lint, self.rehearsal)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "outcome": self.outcome.value,
            "run": self.run,
            "database": self.database,
            "environment": self.environment,
            "policy": self.policy,
            "plan": self.plan.to_json(),
            "warnings": [asdict(w) for w in self.warnings],
            "lint": self.lint.to_json() if self.lint else None,
            "rehearsal": self.rehearsal.summary() if self.rehearsal else None,
            "disagreements": [d.to_json() for d in self.disagreements],
            "backup": self.backup.to_json() if self.backup else None,
            "part": self.part.to_json() if self.part else None,
            "applied": [asdict(a) for a in self.applied],
            "verification": asdict(self.verification) if self.verification else None,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the stages on a plan gave; nothing, where a resumed run left no plan."""

    lint: LintReport | None = None
    rehearsal: Rehearsal | None = None
    backup: Manifest | None = None
    part: PartBackup | None = None
    applied: tuple[Applied, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is known before the run: the question, the policy, the database."""

    request: Request
    conf: Conf
    database: str
    started: float  # time.monotonic()

    def report(self, outcome: Outcome, todo: Plan | None = None, **done: Any) -> Report:
        """Return a report of this run as far as it came."""
        return Report(
            outcome=outcome,
            database=self.database,
            environment=self.conf.environment.value,
            policy=self.conf.policy.name,
            plan=todo or Plan(alias=self.request.alias, migrations=()),
            seconds=time.monotonic() - self.started,
            **done,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every stage works on: the run, its session, the graph and the plan."""

    conf: Conf
    run: Recording
    session: Session
    loader: MigrationLoader
    plan: Plan

    @property
    def alias(self) -> str:
        return self.session.alias


def read_plan(request: Request) -> tuple[MigrationLoader, Plan]:
    """Load the graph and plan what is pending up to the target."""
    loader = graph.load(request.alias)
    return loader, plan.build_plan(loader, alias=request.alias, target=request.target)
