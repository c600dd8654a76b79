"""The policy "restore": a failed run's backup is put back, if nobody else wrote."""

from __future__ import annotations

import psycopg
from django.db import connections

from migrationops.backups import obstacles, restore, selection
from migrationops.backups.losses import Accepted
from migrationops.backups.manifest import Manifest
from migrationops.backups.source import Source, open_source
from migrationops.exceptions import FailedError, MigrationOpsError, NeedsPersonError
from migrationops.models import Step
from migrationops.progress import Progress, Stage, State
from migrationops.workflows.aftermath import Aftermath
from migrationops.workflows.migration_run import Work


def take_back(
    work: Work, manifest: Manifest, error: NeedsPersonError
) -> MigrationOpsError:
    """Restore the run's backup; return the error that says how the run ended.

    Where rows of others would be lost, or that is not known, everything stays as the
    failure left it, and the losses are named.
    """
    try:
        work.session.lock.check()
        after = _restore(work, manifest)
    except NeedsPersonError as exc:  # nobody knows whether it was swapped in
        return NeedsPersonError(f"{error}\n{exc}", remedy=exc.remedy)
    except (MigrationOpsError, psycopg.Error) as exc:
        more = f" {exc.remedy}" if isinstance(exc, MigrationOpsError) else ""
        return NeedsPersonError(
            f"{error}\nIts backup was not restored: {exc}",
            remedy=f"{error.remedy} Or manage.py restore {manifest.id}.{more}",
        )
    cause = str(error).splitlines()[0]
    return FailedError(
        f"{cause}\nNobody else had written since the backup, so {manifest.id} was "
        "restored: records, catalog and rows are as before the run. What was live is "
        f"kept as {after.kept.name} (read-only)."
        + "".join(f"\nWarning: {warning}" for warning in after.warnings),
        remedy="Correct it, then run manage.py safe_migrate again.",
    )


def _restore(work: Work, manifest: Manifest) -> Aftermath:
    source = open_source(work.alias, work.conf)
    backup = selection.find_backup(source, manifest.id, trust=False)
    _check(source, manifest)
    run = work.run
    run.report(_event(State.STARTED))
    built = restore.incoming(source, backup, run.run_id, accept_missing=False).database
    # From these on, losses are counted after it.
    detail = {"counters": restore.beginning(source, built)}
    with run.journal.step(Step.Kind.STAGE, Stage.RESTORE.value, detail=detail):
        restore.make_ready(source, built, manifest, run.run_id)
        work.session.watch.close()
        with run.journal.suspended(work.alias, "safe_migrate"):
            taken = restore.take_over(source, built, manifest, accepted=Accepted())
            after = Aftermath(source=source, conf=work.conf, kept=taken.kept)
            after.install_own_tables(work.session.lock, run.report)
    run.report(_event(State.DONE))
    return after


def _check(source: Source, manifest: Manifest) -> None:
    """Refuse what cannot be, before anything is built."""
    connections[source.alias].close()  # or it would be an obstacle itself
    with source.maintenance() as connection:
        obstacles.check_build(connection, source, manifest)
        obstacles.check_swap(
            connection, source, drop_slots=False, accept_stale_replicas=False
        )
    restore.check_losses(source, manifest, Accepted())


def _event(state: State) -> Progress:
    return Progress(stage=Stage.RESTORE, state=state, label=Stage.RESTORE.value)
