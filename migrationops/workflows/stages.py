"""The stages of a run, one function each: a frozen value goes in, one comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace

from migrationops import plan, preconditions, resume
from migrationops.backups.manifest import Manifest
from migrationops.conf import LintMode, OnFailure, Proof
from migrationops.exceptions import FailedError, NeedsPersonError, RefusedError
from migrationops.executor import verify as verification
from migrationops.executor.apply import apply_plan, forget_due
from migrationops.executor.receivers import noting_receivers
from migrationops.executor.runner import Applied, Instructions
from migrationops.executor.states import applied_state, send_post_migrate
from migrationops.executor.verify import Verification
from migrationops.graph import Target
from migrationops.lint.report import LintReport
from migrationops.postgres import introspection
from migrationops.postgres.retry import Attempt, retrying
from migrationops.preconditions import Problem, Situation
from migrationops.progress import Progress, Stage, State
from migrationops.rehearsal.rehearse import Rehearsal
from migrationops.rehearsal.rehearse import rehearse as rehearse_plan
from migrationops.resume import Interrupted
from migrationops.schema import Catalog
from migrationops.workflows import lint_migrations, run_backup, time_budget
from migrationops.workflows.migration_run import Work
from migrationops.workflows.run_backup import Obtained
from migrationops.workflows.take_back import take_back


def preflight(work: Work) -> tuple[Problem, ...]:
    """Ask every precondition; return the warnings."""
    with work.run.stage(Stage.PREFLIGHT) as step:
        problems = preconditions.check(
            Situation(
                alias=work.alias,
                conf=work.conf,
                connection=work.run.journal.connection,
                loader=work.loader,
            )
        )
        step.detail["warnings"] = [asdict(p) for p in problems]
        if work.conf.policy.backup is not Proof.NONE:
            step.detail["engine"] = run_backup.preflight(work)
        return problems


def finish_interrupted(work: Work, interrupted: Interrupted) -> tuple[Applied, ...]:
    """Bring a half-applied migration to its end, before anything is planned anew.

    It may lie outside the target: where it stands is known by the catalog, which
    what is asked for would change.
    """
    with work.run.stage(Stage.RESUME) as step:
        how = resume.instructions(work.run.journal.connection, work.loader, interrupted)
        position = how.positions.get(interrupted.key, 1)
        step.detail.update(migration=interrupted.label, position=position)
        work.run.journal.update(
            rehearsal={"scripts": [script.to_json() for script in how.scripts]}
        )
        pending = plan.build_plan(work.loader, alias=work.alias, target=Target())
        only = tuple(m for m in pending.migrations if m.key == interrupted.key)
        return apply_plan(
            work.session,
            work.run.journal,
            work.loader,
            replace(pending, migrations=only),
            how,
        )


def estimate(work: Work) -> None:
    """Refuse a run that would take longer than its time budget."""
    with work.run.stage(Stage.PLAN) as step:
        step.detail["expected"] = _require_time(work, None)


def _require_time(work: Work, rehearsal: Rehearsal | None) -> dict[str, float | None]:
    has_backup = run_backup.earlier(work) is not None
    return time_budget.require(work, rehearsal, has_backup=has_backup)


def lint(work: Work) -> LintReport | None:
    """Read what the plan would do; refuse what is dangerous, where that is policy."""
    policy = work.conf.policy
    if policy.lint is LintMode.OFF:
        return None
    with work.run.stage(Stage.LINT) as step:
        chosen = {m.key for m in work.plan.migrations}
        report = lint_migrations.lint_pending(
            work.loader, work.alias, work.conf, chosen
        )
        step.detail["lint"] = report.to_json()
        if policy.lint is LintMode.REFUSE:
            lint_migrations.require_harmless(report)
        return report


def rehearse(work: Work) -> Rehearsal | None:
    """Run the plan on a shadow database, or take a rehearsal that still holds.

    Raises RefusedError when it fails there: it would fail on the live one too.
    """
    if not work.conf.policy.rehearse:
        return None
    with work.run.stage(Stage.REHEARSE) as step:
        rehearsal = _earlier_rehearsal(work)
        step.detail["reused"] = rehearsal is not None
        rehearsal = rehearsal or rehearse_plan(
            work.plan, work.conf, report=work.run.report
        )
        work.run.journal.update(rehearsal=rehearsal.to_json())
        step.detail["rehearsal"] = rehearsal.summary()
        if failure := rehearsal.performance.failure:
            raise RefusedError(
                f"The rehearsal failed: {failure}\nNothing of yours was changed.",
                remedy="Correct the migration, then run safe_migrate again.",
            )
        step.detail["expected"] = _require_time(work, rehearsal)
        return rehearsal


def _earlier_rehearsal(work: Work) -> Rehearsal | None:
    """Return the newest rehearsal of just this plan on just this catalog."""
    connection = work.run.journal.connection
    row = connection.execute(
        "SELECT rehearsal FROM migrationops_run "
        "WHERE fingerprint = %s AND rehearsal ? 'performance' "
        "ORDER BY started_at DESC LIMIT 1",
        [work.plan.fingerprint],
    ).fetchone()
    if row is None:
        return None
    found = Rehearsal.from_json(row[0])
    catalog = introspection.catalog(connection).fingerprint
    return found if found.holds_for(work.plan, catalog) else None


def back_up(work: Work, rehearsal: Rehearsal | None) -> Obtained:
    """Take a backup and prove it, as far as the policy and the plan want."""
    if work.conf.policy.backup is Proof.NONE:
        return Obtained()
    with work.run.stage(Stage.BACKUP) as step:
        earlier = run_backup.earlier(work)
        step.detail["reused"] = earlier is not None
        spare = time_budget.spare(work, rehearsal, has_backup=earlier is not None)
        obtained = run_backup.obtain(work, earlier, spare)
        if obtained.backup:
            work.run.journal.update(backup=obtained.backup.to_json())
        if obtained.part:
            step.detail["part"] = obtained.part.to_json()
        return obtained


def apply(
    work: Work,
    lint: LintReport | None,
    rehearsal: Rehearsal | None,
    backup: Manifest | None,
) -> tuple[Applied, ...]:
    """Apply the plan; what is not atomic, step by step as it was rehearsed.

    Where it fails half way, the backup is restored if that is policy.
    """
    how = Instructions(locks=lint.locks if lint else {})
    if rehearsal is not None:
        how = Instructions(
            scripts=rehearsal.scripts,
            reversible=rehearsal.performance.reversed,
            locks=rehearsal.locks,
        )
    with work.run.stage(Stage.APPLY):
        try:
            return apply_plan(
                work.session, work.run.journal, work.loader, work.plan, how
            )
        except NeedsPersonError as exc:
            if backup is None or work.conf.policy.on_failure is not OnFailure.RESTORE:
                raise
            raise take_back(work, backup, exc) from exc


def verify(
    work: Work, rehearsal: Rehearsal | None, warnings: Sequence[Problem]
) -> Verification:
    """Look whether the database holds together, and is as it was rehearsed.

    Tried again while another holds a lock on a table: nothing is held meanwhile.
    """
    expected = rehearsal.performance if rehearsal else None

    def attempt() -> Verification:
        return verification.verify(
            work.run.journal.connection,
            work.alias,
            expected=expected.touched if expected else Catalog(),
            gone=expected.gone if expected else (),
            known_invalid={
                w.subject for w in warnings if w.name == preconditions.INVALID_INDEX
            },
        )

    def note(failed: Attempt) -> None:
        label = f"verify tries again: {failed.error}"
        work.run.report(Progress(stage=Stage.VERIFY, state=State.ADVANCED, label=label))

    with work.run.stage(Stage.VERIFY):
        budget = work.conf.policy.outage_budget
        return retrying(attempt, budget=budget, before_pause=note)


@contextmanager
def saying_what_stands(resumed: Sequence[Applied]) -> Iterator[None]:
    """Say of a refusal or a failure what the run had finished before it."""
    try:
        yield
    except (FailedError, RefusedError) as exc:
        if not resumed:
            raise
        names = ", ".join(applied.label for applied in resumed)
        raise NeedsPersonError(
            f"{exc}\nBefore that this run had finished {names}, which is applied and "
            "recorded, and stays.",
            remedy=exc.remedy,
        ) from exc


def make_good(work: Work) -> None:
    """Send the post_migrate that a killed run did not come to send."""
    state = applied_state(work.loader)
    with noting_receivers(work.alias, work.run.journal):
        send_post_migrate(work.alias, state, work.loader, work.plan)
    forget_due(work.run.journal)
