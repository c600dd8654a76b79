"""Plan, back up, apply, verify and record: one run, one report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.db.migrations.loader import MigrationLoader

from migrationops import graph, history, plan, preconditions, stamp
from migrationops.backups.manifest import Manifest
from migrationops.backups.take import take_backup
from migrationops.conf import Conf, Proof, get_conf
from migrationops.executor import own_tables
from migrationops.executor.apply import Applied, Instructions, apply_plan
from migrationops.executor.session import Session
from migrationops.executor.states import applied_state, send_post_migrate
from migrationops.executor.verify import Verification, verify
from migrationops.graph import Target
from migrationops.history import Recording
from migrationops.plan import Plan
from migrationops.postgres.locks import RunnerLock, runner_lock
from migrationops.preconditions import Problem, Situation
from migrationops.progress import ProgressCallback, Stage


class Outcome(StrEnum):
    NOTHING = "nothing to do"
    PLANNED = "planned"
    APPLIED = "applied"
    MADE_GOOD = "finished what a killed run had left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the operator asked for; `wait` in seconds, None means the policy's."""

    alias: str
    target: Target
    policy: str | None = None
    wait: float | None = None
    plan_only: bool = False


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
    backup: Manifest | None = None
    applied: tuple[Applied, ...] = ()
    verification: Verification | None = None

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
            "backup": self.backup.to_json() if self.backup else None,
            "applied": [asdict(a) for a in self.applied],
            "verification": asdict(self.verification) if self.verification else None,
            "seconds": round(self.seconds, 3),
        }


def safe_migrate(request: Request, report: ProgressCallback) -> Report:
    """Bring the database to the target, or leave it as it was and say so.

    1. Read where the database stands; with nothing to do, end here without a lock.
    2. Take the runner lock and bring our own tables up to date.
    3. Plan, check the preconditions, back up and prove the backup.
    4. Apply under lock and time limits, verify, record.
    """
    started = time.monotonic()
    conf = get_conf().under(request.policy)
    standing = stamp.require_environment(request.alias, conf)
    facts = _Facts(request, conf, standing.database, started)
    if _nothing_to_do(request, standing):
        return facts.report(Outcome.NOTHING, _empty_plan(request))
    _, todo = _read_plan(request)  # bad input ends here, before anything is made
    if request.plan_only:
        return facts.report(Outcome.PLANNED, todo)
    with _locked(request, conf) as lock:
        return _run(request, conf, lock, report, facts)


def _run(
    request: Request,
    conf: Conf,
    lock: RunnerLock,
    report: ProgressCallback,
    facts: _Facts,
) -> Report:
    session = Session(alias=request.alias, policy=conf.policy, lock=lock, report=report)
    own_tables.install(session, conf, graph.load(request.alias))
    loader, todo = _read_plan(request)
    if not todo.migrations and not history.unfinished(request.alias).exists():
        return facts.report(Outcome.NOTHING, todo)
    with history.recording(request.alias, conf, "safe_migrate", report) as run:
        run.journal.update(plan=todo.to_json(), fingerprint=todo.fingerprint)
        if not todo.migrations:
            _make_good(session, run, loader)
            return facts.report(Outcome.MADE_GOOD, todo, run=run.run_id)
        warnings = _preflight(run, conf, session.alias, loader)
        backup = _back_up(run, conf, session.alias)
        applied = _apply(run, session, loader, todo)
        verification = _verify(run, session.alias)
        done = facts.report(
            Outcome.APPLIED,
            todo,
            run=run.run_id,
            warnings=warnings,
            backup=backup,
            applied=applied,
            verification=verification,
        )
        run.journal.update(report=done.to_json(), catalog=verification.catalog)
    return done


def _preflight(
    run: Recording, conf: Conf, alias: str, loader: MigrationLoader
) -> tuple[Problem, ...]:
    with run.stage(Stage.PREFLIGHT) as step:
        problems = preconditions.check(
            Situation(
                alias=alias,
                conf=conf,
                connection=run.journal.connection,
                loader=loader,
            )
        )
        step.detail["warnings"] = [asdict(p) for p in problems]
        return problems


def _back_up(run: Recording, conf: Conf, alias: str) -> Manifest | None:
    if conf.policy.backup is Proof.NONE:
        return None
    with run.stage(Stage.BACKUP):
        manifest = take_backup(
            alias=alias,
            conf=conf,
            run_id=run.run_id,
            proof=conf.policy.backup,
            report=run.report,
        )
        run.journal.update(backup=manifest.to_json())
        return manifest


def _apply(
    run: Recording, session: Session, loader: MigrationLoader, todo: Plan
) -> tuple[Applied, ...]:
    with run.stage(Stage.APPLY):
        return apply_plan(session, run.journal, loader, todo, Instructions())


def _verify(run: Recording, alias: str) -> Verification:
    with run.stage(Stage.VERIFY):
        return verify(run.journal.connection, alias)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What every report of this run says."""

    request: Request
    conf: Conf
    database: str
    started: float

    def report(self, outcome: Outcome, plan: Plan, **values: Any) -> Report:
        return Report(
            outcome=outcome,
            database=self.database,
            environment=self.conf.environment.value,
            policy=self.conf.policy.name,
            plan=plan,
            seconds=time.monotonic() - self.started,
            **values,
        )


def _nothing_to_do(request: Request, standing: stamp.Standing) -> bool:
    """Answer without a lock, a program or a loaded migration."""
    if standing.is_new or request.target.app is not None:
        return False
    return graph.pending_names(request.alias) == set() and not (
        history.unfinished(request.alias).exists()
    )


def _read_plan(request: Request) -> tuple[MigrationLoader, Plan]:
    loader = graph.load(request.alias)
    return loader, plan.build_plan(loader, alias=request.alias, target=request.target)


def _empty_plan(request: Request) -> Plan:
    return Plan(alias=request.alias, migrations=())


@contextmanager
def _locked(request: Request, conf: Conf) -> Iterator[RunnerLock]:
    wait = conf.policy.wait if request.wait is None else request.wait
    with runner_lock(
        request.alias,
        maintenance_db=conf.maintenance_db,
        wait=wait,
        application="migrationops safe_migrate",
    ) as lock:
        yield lock


def _make_good(session: Session, run: Recording, loader: MigrationLoader) -> None:
    """Send the post_migrate that a killed run did not come to send."""
    nothing = Plan(alias=session.alias, migrations=())
    send_post_migrate(session.alias, applied_state(loader), loader, nothing)
    history.forget_due(run.journal)
