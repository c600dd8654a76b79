"""Every error that migrationops raises; each has an exit code and a remedy.

MigrationOpsError                  1  an error
├── ConfigurationError             1  settings.MIGRATIONOPS is absent or wrong
├── DatabaseError                  1  the server cannot be reached or refuses us
├── ToolFailedError                1  pg_dump, pg_restore or psql ended badly
├── BackupError                    1  a backup could not be made, or is damaged
├── RefusedError                   3  a guard said no; nothing was changed
│   ├── StampError                 3  database and settings disagree
│   ├── LockedError                3  another runner holds the lock
│   ├── PreconditionError          3  a precondition does not hold
│   │   └── QueuedError            3  a dump was shut out by a change that waits
│   ├── ToolMissingError           3  no client program of the server's major
│   └── ManifestError              3  a backup's manifest is unusable
├── DiffersError                   4  what is differs from what should be
├── FailedError                    5  failed, and everything is as it was
├── NeedsPersonError               6  failed half way; a person decides
└── StoppedError             130, 143  stopped cleanly by a signal
"""

from __future__ import annotations

import traceback
from typing import ClassVar


def describe(exc: BaseException) -> str:
    """Write somebody else's error in a line, with the place that raised it."""
    frames = traceback.extract_tb(exc.__traceback__)
    places = [f for f in frames if not f.filename.startswith("<frozen")]
    where = f" ({places[-1].filename}, line {places[-1].lineno})" if places else ""
    return f"{type(exc).__name__}: {str(exc).strip()}{where}"


class MigrationOpsError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class ConfigurationError(MigrationOpsError):
    """settings.MIGRATIONOPS is absent or wrong."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "Correct the settings; manage.py check says what is still wrong.",
    ) -> None:
        super().__init__(message, remedy=remedy)


class DatabaseError(MigrationOpsError):
    """The database cannot be reached."""


class ToolFailedError(MigrationOpsError):
    """A PostgreSQL client program ended badly."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "Mend what it names, then run the same command again.",
    ) -> None:
        super().__init__(message, remedy=remedy)


class BackupError(MigrationOpsError):
    """A backup could not be made, or is damaged."""


class DamagedError(BackupError):
    """A backup's bytes are not those that were written."""


class RefusedError(MigrationOpsError):
    """Refused; nothing was changed."""

    exit_code = 3


class StampError(RefusedError):
    """The database is not the one that the settings say."""


class LockedError(RefusedError):
    """Another runner is at work on this database."""


class PreconditionError(RefusedError):
    """A precondition does not hold; nothing was changed."""


class QueuedError(PreconditionError):
    """pg_dump gave up: somebody waits for ACCESS EXCLUSIVE; nothing was changed."""


class ToolMissingError(RefusedError):
    """No PostgreSQL client program of the server's major version was found."""


class ManifestError(RefusedError):
    """The backup's manifest cannot be used."""


class DiffersError(MigrationOpsError):
    """What is differs from what should be."""

    exit_code = 4


class FailedError(MigrationOpsError):
    """Failed; records and catalog equal those before the run."""

    exit_code = 5


class NeedsPersonError(MigrationOpsError):
    """Failed half way; a person has to decide."""

    exit_code = 6


class StoppedError(MigrationOpsError):
    """Stopped by a signal."""

    def __init__(self, signum: int, message: str = "", *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.signum = signum

    @property
    def returncode(self) -> int:
        return 128 + self.signum
