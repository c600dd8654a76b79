"""What pgBackRest has of a stanza, and what it is told to do.

Its exit code is not the whole answer: `verify` ends with 0 where files are damaged,
and says "ok" where WAL between the backups is missing.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migrationops.backups.point import RestorePoint
from migrationops.exceptions import (
    BackupError,
    PreconditionError,
    ToolFailedError,
    ToolMissingError,
)
from migrationops.postgres import tools
from migrationops.postgres.tools import Programs
from migrationops.stanza import Stanza

PROGRAM = "pgbackrest"
_SHORT = 600.0  # seconds for what is no copy; `check` waits for its archive-timeout
_READABLE = (0, 2)  # ok, and no backup yet
_ABSENT = 1  # no stanza, or no right to see it
_SEGMENT = re.compile(r"([0-9A-F]{24})-[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A backup of pgBackRest's; `first` is the first WAL file that it needs."""

    label: str
    first: str
    finished: datetime
    cluster_bytes: int
    repository_bytes: int

    @property
    def timeline(self) -> int:
        return int(self.first[:8], 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A stanza's cluster, the name of its archive, and its backups, oldest first."""

    system_id: str
    archive: str
    bases: tuple[Base, ...]

    def base(self, label: str) -> Base | None:
        return next((b for b in self.bases if b.label == label), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """pgBackRest, about one stanza; whoever reads the settings' prefix runs it."""

    stanza: Stanza

    def version(self) -> str:
        """Return pgBackRest's version; raise ToolMissingError when it is not here."""
        try:
            return self.as_account(PROGRAM, "version").split()[-1]
        except (IndexError, ToolFailedError) as exc:
            raise ToolMissingError(
                f"pgBackRest cannot be started: {exc} Nothing was changed.",
                remedy="Install pgbackrest (Debian, Ubuntu), or correct the prefix of "
                'MIGRATIONOPS["PGBACKREST"].',
            ) from exc

    def contents(self) -> Contents:
        """Read what there is; raise PreconditionError where there is no stanza."""
        (found,) = json.loads(self._run("info", "--output=json"))
        if (code := found["status"]["code"]) not in _READABLE:
            more = f" {self._complaint()}" if code == _ABSENT else ""
            raise PreconditionError(
                f"pgBackRest has no stanza {self.stanza.stanza!r} that can be read: "
                f"{_messages(found)}.{more} Nothing was changed.",
                remedy=f"Make it with: {self.command('stanza-create')}. Or see to the "
                "rights of the repository, as that account.",
            )
        cluster = found["db"][-1]
        return Contents(
            system_id=str(cluster["system-id"]),
            archive=f"{cluster['version']}-{cluster['id']}",
            bases=tuple(
                _base(b)
                for b in found["backup"]
                if b["database"]["id"] == cluster["id"] and not b["error"]
            ),
        )

    def check(self) -> None:
        """Write a WAL file and wait until it is in the archive."""
        try:
            self._run("check")
        except ToolFailedError as exc:
            raise PreconditionError(
                f"WAL does not reach the archive of pgBackRest: {exc} Nothing of "
                "yours was changed.",
                remedy=f"Correct it until this ends well: {self.command('check')}",
            ) from exc

    def back_up(self) -> None:
        """Make a backup of the cluster; the first one is full in any case."""
        try:
            self._run("backup", f"--type={self.stanza.type}", limit=None)
        except ToolFailedError as exc:
            raise BackupError(
                f"pgBackRest made no backup: {exc} Nothing of yours was changed.",
                remedy="See its log; another backup of it may be running.",
            ) from exc

    def verify(self) -> None:
        """Read the whole repository again; raise BackupError for what is damaged."""
        text = self._run("verify", "--output=text", "--verbose", limit=None)
        if not re.search(r"^status: ok$", text, re.MULTILINE):
            raise BackupError(
                f"pgBackRest finds damage in its repository:\n{text.strip()}\n"
                "The database was not changed.",
                remedy=f"Make a new one: {self.command('--type=full', 'backup')}",
            )

    def missing(self, archive: str, segments: Iterable[str]) -> list[str]:
        """Return which of these WAL files the archive does not have."""
        wanted = list(segments)
        there: set[str] = set()
        for directory in sorted({name[:16] for name in wanted}):
            path = f"archive/{self.stanza.stanza}/{archive}/{directory}"
            listing = json.loads(self._run("repo-ls", "--output=json", path))
            there.update(m[1] for name in listing if (m := _SEGMENT.match(name)))
        return [name for name in wanted if name not in there]

    def restore(self, point: RestorePoint, home: Path) -> None:
        """Restore the cluster to stop at the point, in a directory beside."""
        try:
            self._run(
                f"--pg1-path={home / 'data'}",
                f"--tablespace-map-all={home / 'tablespaces'}",
                "--archive-mode=off",
                *target(point, "pause"),
                "restore",
                limit=None,
            )
        except ToolFailedError as exc:
            raise BackupError(
                f"The backup cannot be restored: {exc}",
                remedy="See pgBackRest's log, then run the same command again.",
            ) from exc

    def command(self, *arguments: str) -> str:
        """Return a command line for a shell."""
        words = [*self.stanza.prefix, PROGRAM, *self._arguments(*arguments)]
        return shlex.join(words)

    def as_account(
        self, program: str, *arguments: str, limit: float | None = _SHORT
    ) -> str:
        """Run a program as whom the prefix says; `program` is looked for in PATH."""
        directory, name = os.path.split(program)
        programs = Programs(
            directory=Path(directory), version="", prefix=self.stanza.prefix
        )
        return tools.run(
            programs, name, *arguments, environment=_environment(), timeout=limit
        )

    def _run(self, *arguments: str, limit: float | None = _SHORT) -> str:
        quiet = "--log-level-console=off"
        return self.as_account(
            PROGRAM, *self._arguments(quiet, *arguments), limit=limit
        )

    def _arguments(self, *arguments: str) -> list[str]:
        config = [f"--config={self.stanza.config}"] if self.stanza.config else []
        return [*config, f"--stanza={self.stanza.stanza}", *arguments]

    def _complaint(self) -> str:
        """Return what it says of a stanza that it cannot use."""
        try:
            self._run("check")
        except ToolFailedError as exc:
            return str(exc)
        return ""


def target(point: RestorePoint, action: str) -> tuple[str, ...]:
    """Return the options of a restore to the point.

    The label is named: the newest backup may lie behind it. So is the timeline: the
    newest may have left ours before it.
    """
    return (
        f"--set={point.label}",
        "--type=name",
        f"--target={point.name}",
        f"--target-timeline={point.timeline}",
        f"--target-action={action}",
    )


def _base(found: dict[str, Any]) -> Base:
    return Base(
        label=found["label"],
        first=found["archive"]["start"],
        finished=datetime.fromtimestamp(found["timestamp"]["stop"], UTC),
        cluster_bytes=found["info"]["size"],
        repository_bytes=found["info"]["repository"]["size"],
    )


def _messages(found: dict[str, Any]) -> str:
    parts = [found["status"], *(repo["status"] for repo in found["repo"])]
    return "; ".join(dict.fromkeys(part["message"] for part in parts))


def _environment() -> dict[str, str]:
    """Return ours: pgBackRest takes options from it, libpq's are in its own file.

    Without TZ, which Django sets: labels are local times, and have to grow.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if key.startswith("PGBACKREST_") or not key.startswith(("PG", "TZ"))
    }
    return {**kept, "LC_ALL": "C"}
