"""The highest proof of a backup: the plan itself ran on the rows that it restored."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from migrationops.backups import catalog, derived, directory
from migrationops.backups.derived import Derived, Role
from migrationops.backups.manifest import Manifest, sign
from migrationops.backups.source import Source, open_source
from migrationops.backups.take import take_backup
from migrationops.conf import Proof
from migrationops.exceptions import RefusedError
from migrationops.postgres import beside
from migrationops.rehearsal.rehearse import rehearse_on
from migrationops.shadow.database import Shadow
from migrationops.workflows.migration_run import Work


def take_rehearsed(work: Work) -> Manifest:
    """Take a backup and run the plan on the database that its proof restored.

    Where that could not be made the proof ends lower, and the manifest says so.
    Raises RefusedError when the plan fails there.
    """
    manifest = take_backup(
        alias=work.alias,
        conf=work.conf,
        run_id=work.run.run_id,
        proof=Proof.REHEARSED,
        report=work.run.report,
        keep=Role.SCRATCH,
    )
    source = open_source(work.alias, work.conf)
    scratch = _find_scratch(source, manifest)
    return _rehearse(work, source, manifest, scratch) if scratch else manifest


def _find_scratch(source: Source, manifest: Manifest) -> Derived | None:
    with source.maintenance() as connection:
        found = derived.find_derived(connection, source.database)
    for each in found:
        if (each.role, each.backup) == (Role.SCRATCH, manifest.id):
            return each
    return None


def _rehearse(
    work: Work, source: Source, manifest: Manifest, scratch: Derived
) -> Manifest:
    started = time.monotonic()
    params = {**source.params, "dbname": scratch.name}
    with derived.claimed(source, scratch.name):
        try:
            shadow = Shadow(name=scratch.name, params=params)
            performance = rehearse_on(work.plan, shadow)
        finally:
            with source.maintenance() as connection:
                beside.drop(connection, scratch.name)
    if failure := performance.failure:
        raise RefusedError(
            f"The plan failed on the rows of {manifest.id}, restored beside: "
            f"{failure}\nNothing of yours was changed.",
            remedy="Correct the migration or the rows, then run safe_migrate again.",
        )
    proof = replace(
        manifest.proof,
        level=Proof.REHEARSED,
        at=datetime.now(UTC),
        seconds=round(manifest.proof.seconds + time.monotonic() - started, 3),
    )
    proven = sign(replace(manifest, proof=proof), work.conf)
    catalog.write(directory.backup_directory(work.conf), proven)
    return proven
