"""What a way of making backups has to offer. A new one is one file.

docs/howto/write-a-backup-engine.md walks through one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from migrationops.backups.directory import PendingFile
from migrationops.backups.manifest import Manifest
from migrationops.backups.source import Source
from migrationops.backups.tree import PendingTree
from migrationops.progress import ProgressCallback


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One backup to be made; `expected_bytes` is an estimate, for the progress.

    With `read_back` the archive may be decoded while it is written. `pending` is a
    tree for more than one of `jobs`.
    """

    id: str
    run: str
    source: Source
    pending: PendingFile | PendingTree
    report: ProgressCallback
    expected_bytes: int = 0
    read_back: bool = False
    jobs: int = 1

    @property
    def hashed(self) -> bool:
        """Whether the content of every table is to be hashed."""
        return self.source.conf.policy.content_hashes


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was taken; `rows` as read_back() gives them, if it has been read back."""

    manifest: Manifest
    rows: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTask:
    """An empty database to be filled from an archive."""

    source: Source
    manifest: Manifest
    archive: Path
    dbname: str
    owners: bool = True  # and grants; a proof elsewhere does without
    accept_missing: bool = False


class Engine(Protocol):
    """Makes archives and reads them back.

    An `exclusive` one can copy only what nobody is connected to, ourselves included.
    """

    name: ClassVar[str]
    exclusive: ClassVar[bool]

    def take(self, job: Job) -> Taken:
        """Write the archive to `job.pending` and say what it holds; prove nothing."""

    def read_back(
        self, source: Source, manifest: Manifest, archive: Path
    ) -> Mapping[str, int]:
        """Read the whole archive and return the rows of each table in it.

        Large objects are counted under LARGE_OBJECTS. Raises BackupError when the
        archive cannot be read to its end.
        """

    def restore(self, task: RestoreTask) -> tuple[str, ...]:
        """Fill the empty database; return what this role could not restore.

        Raises PreconditionError when something would be missing that may not be,
        BackupError when it fails.
        """


LARGE_OBJECTS = "pg_largeobject"  # the key of read_back for large objects
