"""Records each statement of the schema editor, and each operation that writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.operations.base import Operation

from migrationops.executor.recorded import StepKind
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection
from migrationops.postgres.statements import StatementClass, classify
from migrationops.rehearsal.facts import Facts, merged
from migrationops.rehearsal.kinds import (
    changes_locked_tables_only,
    controls_transaction,
    only_defines,
    only_reads,
)
from migrationops.rehearsal.record import Change, RehearsedStep
from migrationops.rehearsal.trace import Tracer
from migrationops.schema import Catalog

Execute = Callable[[], object]


class Recorder:
    """Records one migration after another on one session."""

    def __init__(self, wrapper: DatabaseWrapper, beside: Connection) -> None:
        wrapper.ensure_connection()
        self._connection: Connection = wrapper.connection
        self._tracer = Tracer(self._connection, beside)
        self._operation: tuple[str, Operation] | None = None
        self._busy = False
        self._wrote = False
        self.steps: list[RehearsedStep] = []
        self.catalog = introspection.catalog(self._connection)
        wrapper.SchemaEditorClass = _recording(self, wrapper.SchemaEditorClass)

    def begin(self) -> None:
        """Begin with the next migration."""
        self.steps = []
        self.catalog = introspection.catalog(self._connection)

    def run(self, path: str, operation: Operation, execute: Execute) -> None:
        """Run one operation; one that writes past the schema editor is one step."""
        self._operation = (path, operation)
        self._wrote = False
        first, before = len(self.steps), self.catalog
        try:
            # Without rows one that writes rows may write nothing here.
            if not operation.reduces_to_sql:
                self._data(execute, before)
                return
            execute()
            if self._wrote:
                self._make_one(first, before)
        finally:
            self._operation = None

    def schema(self, template: str, text: str, execute: Execute) -> None:
        """Run one statement of the schema editor; a step, unless inside of one."""
        if self._busy:
            execute()
            return
        before, facts = self.catalog, None
        with self._occupied():
            if controls_transaction(text):
                execute()
            else:
                facts = self._tracer.trace(text, execute)
        self.catalog = self._look(text, facts)
        kind = _kind(text)
        self._add(kind, before, template=template, sql=text, facts=facts)

    def __call__(
        self, execute: Any, sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Wrap Django's cursor: notice what operations write by themselves."""
        if self._operation and not self._busy and not only_reads(_text(sql)):
            self._wrote = True
        return execute(sql, params, many, context)

    def find_repeatable(self) -> None:
        """Try again what left no trace; for a session that is in no transaction."""
        for index, step in enumerate(self.steps):
            if step.before == step.after and step.kind is StepKind.SCHEMA:
                self.steps[index] = replace(
                    step, repeatable=self._changes_nothing(step.sql)
                )

    def _look(self, text: str, facts: Facts | None) -> Catalog:
        """Read the catalog again, as little of it as is certain to be enough."""
        if facts is None or facts.alone or not changes_locked_tables_only(text):
            return introspection.catalog(self._connection)
        return introspection.changed_by(
            self._connection, self.catalog, tables=facts.touched, gone=facts.dropped
        )

    def _data(self, execute: Execute, before: Catalog) -> None:
        with self._occupied():
            facts = self._tracer.trace_whole(execute)
        self.catalog = introspection.catalog(self._connection)
        self._add(StepKind.DATA, before, facts=facts)

    def _make_one(self, first: int, before: Catalog) -> None:
        """Put one data step in place of an operation's statements."""
        parts = self.steps[first:]
        del self.steps[first:]
        self.catalog = introspection.catalog(self._connection)
        facts = merged([p.facts for p in parts if p.facts])
        self._add(StepKind.DATA, before, facts=facts)

    def _add(self, kind: StepKind, before: Catalog, **values: Any) -> None:
        path, operation = self._operation or ("", None)
        self.steps.append(
            RehearsedStep(
                position=len(self.steps) + 1,
                kind=kind,
                operation=path,
                description=operation.describe() if operation else "deferred SQL",
                before=before.fingerprint,
                after=self.catalog.fingerprint,
                change=Change.between(before, self.catalog),
                **{
                    "template": "",
                    "sql": "",
                    "repeatable": kind is StepKind.DATA and _is_idempotent(operation),
                    **values,
                },
            )
        )

    def _changes_nothing(self, sql: str) -> bool:
        """Run it once more, look, and roll back.

        Without rows an UPDATE seems to change nothing: only schema counts.
        """
        if not only_defines(sql):
            return False
        try:
            with self._connection.transaction(force_rollback=True):
                self._connection.execute(sql.encode())
                now = introspection.catalog(self._connection)
        except psycopg.Error:
            return False
        return now.fingerprint == self.catalog.fingerprint

    @contextmanager
    def _occupied(self) -> Iterator[None]:
        self._busy = True
        try:
            yield
        finally:
            self._busy = False


def _recording(recorder: Recorder, base: type[Any]) -> type[Any]:
    """Return the alias's schema editor, with an execute() that records."""

    class RecordingEditor(base):  # type: ignore[misc]
        def execute(self, sql: Any, params: Any = ()) -> None:
            template = str(sql)
            text = (
                template
                if params is None
                else self.connection.ops.compose_sql(template, params)
            )
            execute = super().execute
            recorder.schema(template, text, lambda: execute(text, None))

    return RecordingEditor


def _text(statement: Any) -> str:
    return statement.as_string() if hasattr(statement, "as_string") else str(statement)


def _kind(text: str) -> StepKind:
    session = classify(text) is StatementClass.SESSION and not controls_transaction(
        text
    )
    return StepKind.SESSION if session else StepKind.SCHEMA


def _is_idempotent(operation: Operation | None) -> bool:
    code = getattr(operation, "code", operation)
    return bool(getattr(operation, "idempotent", getattr(code, "idempotent", False)))
