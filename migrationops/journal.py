"""What a run did, row by row, each committed at once on a connection of its own.

While the database is up its rows are the truth; the append-only file under
STATE_DIR is the second copy, for when the server is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import django
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from migrationops import stamp
from migrationops.conf import Conf
from migrationops.journal_file import JournalFile
from migrationops.models import Run, Step
from migrationops.postgres import databases
from migrationops.postgres.databases import Connection

_RUN, _STEP = Run._meta.db_table, Step._meta.db_table


@dataclass(slots=True)
class OpenStep:
    """A step that was started; `detail` may be filled until it ends."""

    number: int
    detail: dict[str, Any]


class Journal:
    """Writes the run's rows and file; one thread, one connection."""

    def __init__(
        self, connection: Connection, file: JournalFile, run_id: uuid.UUID
    ) -> None:
        self.connection = connection
        self.run_id = run_id
        self.file = file
        self.steps = 0  # begun so far

    @classmethod
    def open(cls, alias: str, conf: Conf, command: str) -> Journal:
        """Begin a run: its row is committed before anything else happens.

        Raises PreconditionError when the file cannot be written.
        """
        run_id = uuid.uuid4()
        file = JournalFile(conf.state_dir / "journal" / f"{run_id}.jsonl")
        file.begin("run", command=command)
        connection = _connect(alias, command)
        journal = cls(connection, file, run_id)
        journal._insert(_RUN, _new_run(connection, conf, command, run_id))
        return journal

    @contextlib.contextmanager
    def suspended(self, alias: str, command: str) -> Iterator[None]:
        """Let go of the database while another takes its place."""
        self.connection.close()
        try:
            yield
        finally:
            self.connection = _connect(alias, command)

    def update(self, **values: Any) -> None:
        """Change columns of the run's row."""
        self._update(self.connection, _RUN, {"id": self.run_id}, values)
        self.file.note("update", columns=sorted(values))

    def start(self, kind: Step.Kind, label: str, **values: Any) -> OpenStep:
        """Commit that a step begins, before it does."""
        self.steps += 1
        row = {
            **_STEP_DEFAULTS,
            "run_id": self.run_id,
            "number": self.steps,
            "kind": kind.value,
            "state": Step.State.STARTED.value,
            "label": label[:400],
            "started_at": _now(),
            **values,
        }
        self._insert(_STEP, row)
        self.file.note("start", number=self.steps, kind=kind.value, label=label)
        return OpenStep(number=self.steps, detail=dict(row["detail"]))

    def finish(
        self, step: OpenStep, *, inside: Connection | None = None, **values: Any
    ) -> None:
        """Say that a step is done; `inside` writes it in the step's own transaction."""
        self._end(step, Step.State.DONE, inside or self.connection, values)

    def fail(self, step: OpenStep, error: BaseException, **values: Any) -> None:
        """Say that a step failed; where the server is gone, the file has to do."""
        state, text = Step.State.FAILED, f"{type(error).__name__}: {error}".strip()
        try:
            self._end(step, state, self.connection, {**values, "error": text})
        except psycopg.Error:
            self.file.note(state.value, number=step.number, error=text)

    @contextlib.contextmanager
    def step(self, kind: Step.Kind, label: str, **values: Any) -> Iterator[OpenStep]:
        """Bracket a piece of work; any exception closes the step as failed."""
        step = self.start(kind, label, **values)
        try:
            yield step
        except BaseException as exc:
            self.fail(step, exc)
            raise
        self.finish(step)

    def traceback(self, error: BaseException) -> None:
        """Keep the traceback in the file, where it cannot end up on a screen."""
        self.file.note("traceback", text="".join(traceback.format_exception(error)))

    def close(self, state: Run.State, exit_code: int, **values: Any) -> None:
        """End the run and its connection."""
        end: dict[str, Any] = {"state": state.value, "exit_code": exit_code}
        try:
            self.update(**end, finished_at=_now(), **values)
        finally:  # the file has to do where the server is gone
            self.file.note("end", **end)
            self.connection.close()

    def _end(
        self,
        step: OpenStep,
        state: Step.State,
        connection: Connection,
        values: dict[str, Any],
    ) -> None:
        self._update(
            connection,
            _STEP,
            {"run_id": self.run_id, "number": step.number},
            {
                "state": state.value,
                "finished_at": _now(),
                "detail": step.detail,
                **values,
            },
        )
        self.file.note(state.value, number=step.number)

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        self.connection.execute(query, [_adapt(v) for v in row.values()])

    def _update(
        self,
        connection: Connection,
        table: str,
        where: dict[str, Any],
        values: dict[str, Any],
    ) -> None:
        query = sql.SQL("UPDATE {} SET {} WHERE {}").format(
            sql.Identifier(table),
            _assignments(values, ", "),
            _assignments(where, " AND "),
        )
        parameters = [*values.values(), *where.values()]
        connection.execute(query, [_adapt(v) for v in parameters])


def _connect(alias: str, command: str) -> Connection:
    connection = databases.connect(alias, application=f"migrationops {command}")
    connection.execute("SET synchronous_commit = on")
    # The server cannot see a deadlock between apply and its own journal.
    connection.execute("SET lock_timeout = '2s'")
    connection.execute("SET idle_session_timeout = 0")
    return connection


_STEP_DEFAULTS: dict[str, Any] = {
    "app": "",
    "migration": "",
    "position": None,
    "sql": "",
    "tries": 1,
    "backend": {},
    "detail": {},
    "error": "",
}


def _new_run(
    connection: Connection, conf: Conf, command: str, run_id: uuid.UUID
) -> dict[str, Any]:
    return {
        "id": run_id,
        "command": command,
        "state": Run.State.OPEN.value,
        "environment": conf.environment.value,
        "database": connection.info.dbname,
        "policy": _plain(asdict(conf.policy)),
        "plan": {},
        "fingerprint": "",
        "rehearsal": {},
        "backup": {},
        "report": {},
        "error": "",
        "remedy": "",
        "post_migrate_due": False,
        "catalog": "",
        "operator": stamp.operator(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "release": conf.release,
        "versions": {
            "server": connection.info.parameter_status("server_version") or "",
            "django": django.get_version(),
        },
        "started_at": _now(),
    }


def _assignments(values: dict[str, Any], separator: str) -> sql.Composed:
    return sql.SQL(separator).join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder())
        for name in values
    )


def _adapt(value: Any) -> Any:
    return Jsonb(_plain(value)) if isinstance(value, dict | list) else value


def _plain(value: Any) -> Any:
    """Return the value as JSON would give it back."""
    return json.loads(json.dumps(value, default=str))


def _now() -> datetime:
    return datetime.now(UTC)
