"""Where a killed run stands: the journal says which step, the catalog says whether.

Only two points are candidates, before and after the last step that was started.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from migrationops.exceptions import FailedError, NeedsPersonError
from migrationops.executor.failure import by_hand
from migrationops.executor.recorded import RecordedStep, Script, StepKind, find_script
from migrationops.executor.runner import Instructions
from migrationops.graph import Key
from migrationops.models import Run, Step
from migrationops.operations.base import is_reentrant
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection
from migrationops.postgres.statements import built_index
from migrationops.sources import source_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A non-atomic migration that was begun and is not recorded."""

    run: str
    key: Key
    script: Script | None
    started: int  # the last position that was started; 0: none
    finished: bool  # whether the journal saw that step end well

    @property
    def label(self) -> str:
        return ".".join(self.key)


def find_interrupted(
    connection: Connection, loader: MigrationLoader
) -> Interrupted | None:
    """Return the migration that a killed or failed run left half applied."""
    row = connection.execute(
        "SELECT s.run_id, s.app, s.migration, r.rehearsal "
        "FROM migrationops_step s JOIN migrationops_run r ON r.id = s.run_id "
        "WHERE s.kind = %s AND s.state <> %s AND r.state <> %s "
        "AND r.exit_code IS DISTINCT FROM %s "  # that took everything back
        # A run that went on with it may have ended before a step of its own.
        "AND EXISTS (SELECT FROM migrationops_step p WHERE p.run_id = s.run_id "
        "AND (p.app, p.migration) = (s.app, s.migration) AND p.position IS NOT NULL) "
        "ORDER BY s.id DESC LIMIT 1",
        [
            Step.Kind.MIGRATION.value,
            Step.State.DONE.value,
            Run.State.RESOLVED.value,
            FailedError.exit_code,
        ],
    ).fetchone()
    if row is None:
        return None
    run_id, app, name, rehearsal = row
    migration = loader.disk_migrations.get((app, name))
    applied = (app, name) in loader.applied_migrations
    if applied or migration is None or migration.atomic:
        return None
    started, finished = _last_step(connection, run_id, app, name)
    if not started:
        return None
    scripts = [Script.from_json(s) for s in rehearsal.get("scripts", [])]
    return Interrupted(
        run=str(run_id),
        key=(app, name),
        script=find_script(scripts, app, name),
        started=started,
        finished=finished,
    )


def instructions(
    connection: Connection, loader: MigrationLoader, interrupted: Interrupted
) -> Instructions:
    """Say how the migration goes on: at a recorded step, or from its start.

    From its start only when every operation can be run again. Raises
    NeedsPersonError when catalog and journal do not say it for certain.
    """
    migration = loader.get_migration(*interrupted.key)
    if interrupted.script is None and is_reentrant(migration):
        return Instructions()
    script = _usable_script(migration, interrupted)
    position = next_position(connection, interrupted, script)
    return Instructions(scripts=(script,), positions={interrupted.key: position})


def next_position(
    connection: Connection, interrupted: Interrupted, script: Script
) -> int:
    """Return the position to continue at, or raise NeedsPersonError."""
    step = script.steps[interrupted.started - 1]
    if interrupted.finished:
        return step.position + 1
    if position := _decide(step, _fingerprint(connection, script)):
        return position
    _drop_invalid_index(connection, step)
    if position := _decide(step, _fingerprint(connection, script)):
        return position
    raise NeedsPersonError(
        f"{interrupted.label} was stopped at step {step.position}, and the catalog is "
        f"neither as before nor as after it: {step.sql}",
        remedy="Compare the tables it touches with the rehearsal in the history, "
        "bring them to one of the two states, and run manage.py safe_migrate again. "
        f"Or: {by_hand(interrupted.key)}",
    )


def _usable_script(migration: Migration, interrupted: Interrupted) -> Script:
    if interrupted.script is None:
        raise NeedsPersonError(
            f"{interrupted.label} is applied in part and was not rehearsed, so where "
            f"it stands is not known for certain. Run {interrupted.run} has its steps.",
            remedy=by_hand(interrupted.key),
        )
    if interrupted.script.source_hash != source_hash(migration):
        raise NeedsPersonError(
            f"{interrupted.label} is applied in part and its file was edited since.",
            remedy="Put the file back as it was, then run manage.py safe_migrate "
            f"again. Or: {by_hand(interrupted.key)}",
        )
    return interrupted.script


def _fingerprint(connection: Connection, script: Script) -> str:
    """Return that of the catalog, less what the rehearsal's database lacked."""
    return introspection.catalog(connection).without(script.absent).fingerprint


def _decide(step: RecordedStep, catalog: str) -> int | None:
    """Return where to go on, or None when the catalog does not say."""
    if step.before == step.after == catalog:
        return step.position if _may_repeat(step) else None
    if catalog == step.before:
        return step.position
    if catalog == step.after:
        return step.position + 1
    return None


def _may_repeat(step: RecordedStep) -> bool:
    """A step that leaves no trace in the catalog must be known to be harmless twice."""
    return step.repeatable or step.kind is StepKind.SESSION


def _last_step(
    connection: Connection, run_id: object, app: str, name: str
) -> tuple[int, bool]:
    row = connection.execute(
        "SELECT position, state FROM migrationops_step "
        "WHERE run_id = %s AND app = %s AND migration = %s AND position IS NOT NULL "
        "ORDER BY number DESC LIMIT 1",
        [run_id, app, name],
    ).fetchone()
    return (row[0], row[1] == Step.State.DONE.value) if row else (0, False)


def _drop_invalid_index(connection: Connection, step: RecordedStep) -> None:
    """Remove what a cut-off CREATE INDEX CONCURRENTLY of this step left behind."""
    wanted = built_index(step.sql)
    for qualified_name in introspection.invalid_indexes(connection):
        schema, name = qualified_name.split(".", 1)
        if name == wanted:
            connection.execute(
                sql.SQL("DROP INDEX CONCURRENTLY {}").format(
                    sql.Identifier(schema, name)
                )
            )
