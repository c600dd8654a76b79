"""A non-atomic migration as the rehearsal executed it: a list of steps.

The list is what was executed, never what collecting mode prints, which leaves
statements out; so a killed run can be continued at the very next statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from migrationops.postgres.table_locks import Lock


class StepKind(StrEnum):
    SCHEMA = "schema"  # a statement of the schema editor
    DATA = "data"  # an operation that writes by itself: RunPython
    SESSION = "session"  # SET: run again by whoever continues


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStep:
    """One step; `before` and `after` are fingerprints of the whole catalog.

    `operation` is the path of indexes to its operation, "2" or "2.0"; blank for
    deferred SQL. `repeatable` means that a second execution was seen to change
    nothing and to raise nothing; `locks` are tables that it keeps writers out of.
    """

    position: int
    kind: StepKind
    operation: str
    template: str
    sql: str
    before: str
    after: str
    repeatable: bool = False
    locks: Mapping[str, Lock] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RecordedStep:
        locks = {name: Lock(mode) for name, mode in data.get("locks", {}).items()}
        return cls(**{**data, "kind": StepKind(data["kind"]), "locks": locks})


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The steps of one non-atomic migration.

    `absent` labels objects that the rehearsal's database lacked: in no fingerprint.
    """

    app: str
    name: str
    source_hash: str
    steps: tuple[RecordedStep, ...]
    absent: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Script:
        steps = tuple(RecordedStep.from_json(step) for step in data["steps"])
        lists = {"steps": steps, "absent": tuple(data.get("absent", ()))}
        return cls(**{**data, **lists})


def find_script(scripts: Iterable[Script], app: str, name: str) -> Script | None:
    return next((s for s in scripts if (s.app, s.name) == (app, name)), None)


@dataclass(frozen=True, slots=True)
class Located:
    """An operation with the states around it."""

    operation: Operation
    before: ProjectState
    after: ProjectState


def locate(migration: Migration, state: ProjectState, path: str) -> Located:
    """Return the operation at a path, with the states that Django would give it."""
    operations: Sequence[Operation] = migration.operations
    before = state
    first, *rest = (int(index) for index in path.split("."))
    located = _advance(operations, migration.app_label, before, first)
    for index in rest:
        assert isinstance(located.operation, SeparateDatabaseAndState)
        located = _advance(
            located.operation.database_operations,
            migration.app_label,
            located.before,
            index,
        )
    return located


def _advance(
    operations: Sequence[Operation], app_label: str, state: ProjectState, index: int
) -> Located:
    before = state.clone()
    for operation in operations[:index]:
        operation.state_forwards(app_label, before)
    after = before.clone()
    operations[index].state_forwards(app_label, after)
    return Located(operations[index], before, after)
