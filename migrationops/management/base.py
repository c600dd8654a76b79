"""What every command of ours shares: --database, --json, errors to exit codes."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from types import FrameType
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError

from migrationops.exceptions import (
    DatabaseError,
    MigrationOpsError,
    RefusedError,
    StoppedError,
    describe,
)
from migrationops.history import TerminatedError
from migrationops.management.rendering import ProgressLines
from migrationops.progress import ProgressCallback
from migrationops.workflows.confirmation import Ask

logger = logging.getLogger(__name__)


class ErrorsToExitCodes(BaseCommand):
    """Turn an error of ours into its exit code, with its remedy."""

    # Django's own commands commit as they go.
    when_stopped = "Stopped by a signal; what was finished before it stays."

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            with stoppable():
                return super().execute(*args, **options)
        except StoppedError as exc:
            raise self._failure(exc, exc.returncode, options) from exc
        except MigrationOpsError as exc:
            raise self._failure(exc, exc.exit_code, options) from exc
        except KeyboardInterrupt as exc:
            signum = (
                signal.SIGTERM if isinstance(exc, TerminatedError) else signal.SIGINT
            )
            stopped = StoppedError(
                signum, self.when_stopped, remedy="Run the same command again."
            )
            raise self._failure(stopped, stopped.returncode, options) from exc

    def print_json(self, data: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(data, indent=2, default=str))

    def _failure(
        self, exc: MigrationOpsError, code: int, options: dict[str, Any]
    ) -> CommandError:
        logger.info("refused or failed", exc_info=exc, extra={"action": "failed"})
        if options.get("json"):
            error = {"type": type(exc).__name__, "message": str(exc)}
            self.print_json(
                {
                    "version": 1,
                    "error": {**error, "remedy": exc.remedy},
                    "exit_code": code,
                }
            )
        return CommandError(f"{exc}\nNext: {exc.remedy}", returncode=code)


class OpsCommand(ErrorsToExitCodes):
    """Parse options, call one workflow, render its report."""

    when_stopped = "Stopped by a signal; nothing was changed."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def execute(self, *args: Any, **options: Any) -> str | None:
        # self.stdout is that of before: only what migrations print goes elsewhere
        elsewhere = sys.stderr if options.get("json") else sys.stdout
        try:
            with contextlib.redirect_stdout(elsewhere):
                return super().execute(*args, **options)
        except (CommandError, SystemExit):
            raise
        except Exception as exc:
            raise self._failure(_unforeseen(exc), 1, options) from exc

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            help="The alias to work on; the default is 'default'.",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="Print one JSON object on stdout, and nothing else there.",
        )

    def show(self, data: dict[str, Any], text: str, options: dict[str, Any]) -> None:
        """Print the report: as JSON where that was asked for, else for people."""
        if options["json"]:
            self.print_json(data)
        else:
            self.stdout.write(text)

    def progress(self, options: dict[str, Any]) -> ProgressCallback:
        """Return whom the stages tell: lines or a bar on stderr, unless -v 0."""
        return ProgressLines(self.stderr, quiet=options["verbosity"] == 0)

    def asker(self, question: str) -> Ask:
        """Return what asks the person at the terminal, on stderr."""
        return lambda: self._answer(question)

    def _answer(self, question: str) -> str:
        self.stderr.write(question, self.style.NOTICE, ending="")
        self.stderr.flush()
        if line := sys.stdin.readline():
            return line.strip()
        raise RefusedError(
            "Nobody answered; nothing was changed.",
            remedy="Type the name, or say in advance that nobody is to be asked "
            "(--help names the option).",
        )


def _unforeseen(exc: Exception) -> MigrationOpsError:
    if isinstance(exc, psycopg.OperationalError | OperationalError):
        return DatabaseError(
            f"The server was lost, or ended this session: {str(exc).strip()}",
            remedy="When it is back, manage.py migration_status says where the "
            "database stands, and manage.py backups list what was left beside it; "
            "then run the same command again.",
        )
    return MigrationOpsError(
        describe(exc),
        remedy="the same command with --traceback shows how it came to this; "
        "manage.py migration_status says where the database stands.",
    )


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end a run as cleanly as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_signum: int, _frame: FrameType | None) -> None:
    raise TerminatedError
