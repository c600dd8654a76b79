"""Drive the stranger's project as an operator does: by its commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.embedded import DEFAULT_MAJOR, programs
from tests import nursery
from tests.nursery import Forked
from tests.roles import CREATES_NONE

ROOT = Path(__file__).resolve().parents[1]

FIRST = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.CreateModel(
            "Item",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=40)),
            ],
        ),
    ]
"""

TEMPLATE = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
{extra}

class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("shop", "{after}")]
    operations = [{operations}]
"""

ADD_PRICE = 'migrations.AddField("item", "price", models.IntegerField(null=True))'
BROKEN = 'migrations.RunSQL("SELECT 1/0")'


# A place to be killed at: the journal's row waits, and is not committed.
BREAKPOINT = """
CREATE OR REPLACE FUNCTION migrationops_breakpoint() RETURNS trigger
LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER migrationops_breakpoint BEFORE INSERT OR UPDATE ON migrationops_step
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION migrationops_breakpoint();
"""
# The function stays: it is in the catalog that the rehearsal saw.
CLEAR = "DROP TRIGGER migrationops_breakpoint ON migrationops_step"
SLEEPING = (
    "SELECT count(*) > 0 FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event = 'PgSleep'"
)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The project in a directory, on a database of its own."""

    directory: Path
    url: str
    python: str = sys.executable
    params: Mapping[str, Any]
    ops: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    popen: dict[str, Any] = field(default_factory=dict)
    started: list[subprocess.Popen[str] | Forked] = field(default_factory=list)

    @property
    def migrations(self) -> Path:
        return self.directory / "shop_migrations"

    def write(self, name: str, source: str) -> None:
        """Write a migration file of the app shop."""
        self.migrations.mkdir(exist_ok=True)
        (self.migrations / "__init__.py").touch()
        (self.migrations / f"{name}.py").write_text(source)

    def add(
        self,
        name: str,
        *operations: str,
        after: str,
        atomic: bool = True,
        extra: str = "",
    ) -> None:
        """Write a migration that follows another."""
        source = TEMPLATE.format(
            operations=", ".join(operations), after=after, atomic=atomic, extra=extra
        )
        self.write(name, source)

    def environ(self, **ops: Any) -> dict[str, str]:
        """Return the environment of a command; `ops` are keys of MIGRATIONOPS."""
        settings = {
            "STATE_DIR": str(self.directory / "state"),
            "BACKUP_DIR": str(self.directory / "backups"),
            "PG_BIN": [str(p) for p in programs.directories().values()],
            **self.ops,
            **ops,
        }
        return {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{self.directory}",
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "DATABASE_URL": self.url,
            "OPS": json.dumps(settings),
            **self.variables,
        }

    def start(self, *arguments: str, **ops: Any) -> subprocess.Popen[str] | Forked:
        """Start a command as a process of its own, in a process group of its own.

        Forked from a prepared interpreter, unless a test wants it to begin otherwise.
        """
        if not (self.popen or self.variables or self.python != sys.executable):
            forked = nursery.start(
                arguments, environ=self.environ(**ops), directory=self.directory
            )
            self.started.append(forked)
            return forked
        process = subprocess.Popen(
            [self.python, "-m", "tests.project.manage", *arguments],
            env=self.environ(**ops),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            text=True,
            process_group=0,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **self.popen},
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **ops: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        return self.finish(self.start(*arguments, **ops))

    def run_each(
        self, *commands: list[str], **ops: Any
    ) -> list[subprocess.CompletedProcess[str]]:
        """Run commands one after the other, each to its end."""
        return [self.run(*arguments, **ops) for arguments in commands]

    def finish(
        self, process: subprocess.Popen[str] | Forked
    ) -> subprocess.CompletedProcess[str]:
        """Let a command come to its end."""
        out, err = process.communicate(timeout=120)
        if CREATES_NONE and "may not create databases" in (err or ""):
            pytest.skip("this role may not create databases, and is told so")
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def end(self) -> None:
        """End what a failed test left running."""
        for process in self.started:
            if process.returncode is None:
                process.kill()
                process.communicate()

    def succeed(self, *arguments: str, **ops: Any) -> str:
        """Run a command that must exit 0; return what it printed."""
        done = self.run(*arguments, **ops)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def connect(self, **params: Any) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(**{"autocommit": True, **self.params, **params})

    def query(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def execute(self, query: str) -> None:
        with self.connect() as connection:
            connection.execute(query.encode())

    def kill_at(self, condition: str, *arguments: str) -> None:
        """Kill safe_migrate before it commits a journal row for which this holds.

        `condition` is SQL over NEW, a row of migrationops_step.
        """
        self.execute(BREAKPOINT.format(condition=condition))
        process = self.start("safe_migrate", *arguments)
        self.wait_for(SLEEPING, process)
        process.kill()
        process.communicate()
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        self.execute(CLEAR)

    def wait_for(
        self, condition: str, process: subprocess.Popen[str] | Forked | None = None
    ) -> None:
        """Wait until a query answers true, while the process lives."""
        deadline = time.monotonic() + 60
        while not self.query(condition)[0][0]:
            assert time.monotonic() < deadline, condition
            if process is not None and process.poll() is not None:
                raise AssertionError(self.finish(process))
            time.sleep(0.05)

    def applied(self) -> list[str]:
        """Return the names of the app's recorded migrations, in order."""
        rows = self.query(
            "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY id"
        )
        return [row[0] for row in rows]

    def columns(self, table: str = "shop_item") -> set[str]:
        rows = self.query(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) "
            "AND attnum > 0 AND NOT attisdropped",
            table,
        )
        return {row[0] for row in rows}


def program_directory() -> Path:
    """Return the client programs of the major under test."""
    return programs.directories()[int(os.environ.get("PG", DEFAULT_MAJOR))]
