"""Plan, back up, apply, verify and record: one run, one report.

What a stage needs is imported when there is something to do: most deploys have
nothing, and would wait for the imports more than for the answer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from migrationops import graph, history, stamp
from migrationops.conf import get_conf
from migrationops.workflows.migration_run import (
    Done,
    Opening,
    Outcome,
    Report,
    Request,
    Work,
    read_plan,
)

if TYPE_CHECKING:
    from migrationops.executor.runner import Applied
    from migrationops.executor.session import Session
    from migrationops.history import Recording
    from migrationops.progress import ProgressCallback
    from migrationops.stamp import Standing


def safe_migrate(request: Request, tell: ProgressCallback) -> Report:
    """Bring the database to the target, or leave it as it was and say so.

    With nothing to do it ends without a lock, a program or a loaded migration.
    """
    started = time.monotonic()
    conf = get_conf().under(request.policy)
    standing = stamp.require_environment(request.alias, conf)
    opening = Opening(
        request=request, conf=conf, database=standing.database, started=started
    )
    if _nothing_to_do(request, standing):
        return opening.report(Outcome.NOTHING)
    _, todo = read_plan(request)  # bad input ends here, before anything is made
    if request.plan_only:
        return opening.report(Outcome.PLANNED, todo)
    from migrationops.executor.session import open_session
    from migrationops.workflows.preparation import locked

    command = "safe_migrate"
    with (
        locked(request.alias, conf, command, wait=request.wait, report=tell) as lock,
        open_session(
            request.alias, conf.policy, lock, tell, termination=request.termination
        ) as session,
    ):
        return _migrate(opening, session, tell)


def _migrate(opening: Opening, session: Session, tell: ProgressCallback) -> Report:
    """Read again under the lock: usually a loser has nothing left to do."""
    from migrationops.executor import own_tables
    from migrationops.executor.apply import settle_replacements

    request, conf = opening.request, opening.conf
    own_tables.install(session, conf, graph.load(request.alias))
    loader, todo = read_plan(request)
    settle_replacements(session, loader)
    if not todo.migrations and not history.unfinished(request.alias).exists():
        return opening.report(Outcome.NOTHING, todo)
    with history.recording(
        request.alias,
        conf,
        "safe_migrate",
        tell,
        standing=history.migrations_standing,
    ) as run:
        return _record(opening, session, run)


def _record(opening: Opening, session: Session, run: Recording) -> Report:
    """Run the stages in their order; each takes what the one before it gave."""
    from migrationops import resume
    from migrationops.workflows import stages

    work = _work(opening, session, run)
    interrupted = resume.find_interrupted(run.journal.connection, work.loader)
    if not (work.plan.migrations or interrupted):
        stages.make_good(work)
        return opening.report(Outcome.MADE_GOOD, work.plan, run=run.run_id)
    warnings = stages.preflight(work)
    resumed: tuple[Applied, ...] = ()
    if interrupted:
        resumed = stages.finish_interrupted(work, interrupted)
        work = _work(opening, session, run)
    with stages.saying_what_stands(resumed):
        done = _deploy(work) if work.plan.migrations else Done()
    verification = stages.verify(work, done.rehearsal, warnings)
    report = opening.report(
        Outcome.APPLIED,
        work.plan,
        run=run.run_id,
        warnings=warnings,
        lint=done.lint,
        rehearsal=done.rehearsal,
        backup=done.backup,
        part=done.part,
        applied=resumed + done.applied,
        verification=verification,
    )
    run.journal.update(report=report.to_json(), catalog=verification.catalog)
    return report


def _deploy(work: Work) -> Done:
    """Take a plan from its estimate to the database."""
    from migrationops.workflows import stages

    stages.estimate(work)
    lint = stages.lint(work)
    rehearsal = stages.rehearse(work)
    obtained = stages.back_up(work, rehearsal)
    applied = stages.apply(work, lint, rehearsal, obtained.backup)
    return Done(
        lint=lint,
        rehearsal=rehearsal,
        backup=obtained.backup,
        part=obtained.part,
        applied=applied,
    )


def _work(opening: Opening, session: Session, run: Recording) -> Work:
    """Plan what is pending now, and write the plan into the run's row."""
    loader, todo = read_plan(opening.request)
    run.journal.update(plan=todo.to_json(), fingerprint=todo.fingerprint)
    return Work(conf=opening.conf, run=run, session=session, loader=loader, plan=todo)


def _nothing_to_do(request: Request, standing: Standing) -> bool:
    """Answer from names and records alone."""
    if standing.is_new or request.target.app is not None:
        return False
    return graph.pending_names(request.alias) == set() and not (
        history.unfinished(request.alias).exists()
    )
