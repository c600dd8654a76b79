"""Migrations in phase order, in place of one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.migrations import Migration
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter

from migrationops.exceptions import RefusedError
from migrationops.operations.base import SafeOperation
from migrationops.operations.phases import Step
from migrationops.operations.rewriting import rewrite
from migrationops.operations.session import Session
from migrationops.plan import Phase

_WHY = {
    Phase.EXPAND: "Add what the new code needs; the running code goes on without.",
    Phase.BACKFILL: "Give the rows that are there their values; before the new code.",
    Phase.CONTRACT: "End what only the old code needs; after the last of it is gone.",
}
_OPENING = "class Migration(migrations.Migration):\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFile:
    """One migration of the sequence."""

    phase: Phase
    migration: Migration

    @property
    def text(self) -> str:
        """Return the file's source, unformatted as makemigrations writes it."""
        source = MigrationWriter(self.migration, include_header=False).as_string()
        atomic = "" if self.migration.atomic else "    atomic = False\n"
        body = source.replace(_OPENING, f"{_OPENING}{atomic}", 1)
        return f'"""{_WHY[self.phase]}"""\n\n{body.lstrip()}'


def sequence(
    session: Session, migration: Migration, before: ProjectState
) -> tuple[PhaseFile, ...]:
    """Return the migrations that do the same by phases.

    Raises RefusedError when the phases cannot be told apart: an operation of a later
    one is needed by an earlier one.
    """
    steps: list[Step] = []
    state = before.clone()
    for operation in migration.operations:
        steps += rewrite(session, operation, migration.app_label, state)
        operation.state_forwards(migration.app_label, state)
    steps.sort(key=lambda step: list(Phase).index(step.phase))
    _require_same_state(migration, before, state, steps)
    return tuple(_files(migration, steps))


def _files(migration: Migration, steps: Iterable[Step]) -> Iterable[PhaseFile]:
    """Number the groups on from the migration's own number, each after the last."""
    number, what = _split(migration.name)
    dependencies = migration.dependencies
    groups = itertools.groupby(steps, key=lambda s: (s.phase, _is_safe(s)))
    for offset, ((phase, safe), group) in enumerate(groups):
        name = f"{number + offset:04d}_{phase}_{what}"
        attributes = {
            "operations": [step.operation for step in group],
            "dependencies": dependencies,
            "atomic": not safe,
        }
        new = type("Migration", (Migration,), attributes)(name, migration.app_label)
        dependencies = [(migration.app_label, name)]
        yield PhaseFile(phase=phase, migration=new)


def _is_safe(step: Step) -> bool:
    operation = step.operation
    return isinstance(operation, SafeOperation) and not operation.in_transaction


def _split(name: str) -> tuple[int, str]:
    """Return number and the rest, without a phase that it names already."""
    number, _, what = name.partition("_")
    phases = "|".join(Phase)
    rest = re.sub(f"^({phases})_", "", what)
    return (int(number) if number.isdigit() else 1), rest or "change"


def _require_same_state(
    migration: Migration, before: ProjectState, wanted: ProjectState, steps: list[Step]
) -> None:
    state = before.clone()
    try:
        for step in steps:
            step.operation.state_forwards(migration.app_label, state)
        same = state.models == wanted.models
    except (KeyError, ValueError, LookupError):
        same = False
    if not same:
        raise RefusedError(
            f"The operations of {migration} build on one another, so they cannot be "
            "put in the order of the phases; nothing was changed.",
            remedy="Split it into one migration for each change, then make each safe.",
        )
