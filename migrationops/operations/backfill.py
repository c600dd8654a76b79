"""Values for rows that are there already, in small transactions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState
from django.db.models import Model, Q

from migrationops.operations.base import Change, SafeOperation
from migrationops.operations.batches import Pace, Rows, change
from migrationops.operations.session import Session
from migrationops.progress import Progress, ProgressCallback, Stage, State, silent

_ROWS = "SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = to_regclass(%s)"


class Backfill(SafeOperation, Operation):
    """Set `values` in all rows that match `where`, batch by batch.

    Each batch is committed by itself; run again after a kill, it goes on with the
    rows that still match, so `where` must not match a row that has its values.
    `report` is set by whoever wants to be told of the progress.
    """

    idempotent = True
    reduces_to_sql = False
    reversible = True
    elidable = True
    category = OperationCategory.PYTHON

    def __init__(
        self,
        model_name: str,
        values: Mapping[str, Any],
        where: Q,
        *,
        batch_seconds: float = Pace().seconds,
        rest: float = Pace().rest,
        max_lag: float = Pace().max_lag,
        max_active: int = Pace().max_active,
    ) -> None:
        self.model_name = model_name
        self.values = values
        self.where = where
        self.pace = Pace(
            seconds=batch_seconds, rest=rest, max_lag=max_lag, max_active=max_active
        )
        self.report: ProgressCallback = silent

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        named = {
            "model_name": self.model_name,
            "values": dict(self.values),
            "where": self.where,
        }
        renamed = {"seconds": "batch_seconds"}
        for field in dataclasses.fields(Pace):
            value = getattr(self.pace, field.name)
            if value != field.default:
                named[renamed.get(field.name, field.name)] = value
        return (type(self).__name__, [], named)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def forwards(self, session: Session, change: Change) -> None:
        self.fill(session, change.new, self.values, self.where)

    def backwards(self, session: Session, change: Change) -> None:
        """Leave the rows: the reverse of the expand takes their column away."""

    def fill(
        self, session: Session, model: type[Model], values: Mapping[str, Any], where: Q
    ) -> int:
        """Set the values and return how many rows got them."""
        alias = session.connection.alias
        table = session.relation(model._meta.db_table)
        total = max(0, session.ask(_ROWS, [str(table)])[0][0])

        def tell(done: int) -> None:
            self.report(
                Progress(
                    stage=Stage.APPLY,
                    state=State.ADVANCED,
                    label=self.describe(),
                    done=done,
                    total=max(done, total),
                    unit="rows",
                )
            )

        rows = Rows(model=model, alias=alias, values=values, where=where)
        return change(rows, self.pace, report=tell)

    def describe(self) -> str:
        return f"Backfill {', '.join(self.values)} of {self.model_name} in batches"

    @property
    def migration_name_fragment(self) -> str:
        return f"backfill_{self.model_name.lower()}"


def run_backfills(app_label: str, migration: str, *, alias: str = "default") -> None:
    """Run the backfills of a migration that is on disk, applied or not.

    The arguments are plain text, so that a task queue can call it:
    `async_task("migrationops.operations.backfill.run_backfills", "shop", "0006_x")`.
    """
    connection = connections[alias]
    loader = MigrationLoader(connection)
    state = loader.project_state((app_label, migration), at_end=False)
    for operation in loader.get_migration(app_label, migration).operations:
        before = state.clone()
        operation.state_forwards(app_label, state)
        if isinstance(operation, Backfill):
            with connection.schema_editor(atomic=False) as editor:
                operation.database_forwards(app_label, editor, before, state)
