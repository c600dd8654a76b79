"""What a way of making backups has to offer. A new one is one file.

docs/howto/write-a-backup-engine.md walks through one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

from migrationops.backups.directory import PendingFile
from migrationops.backups.manifest import Manifest
from migrationops.backups.part import Part
from migrationops.backups.proof_record import ProofRecord
from migrationops.backups.source import Source
from migrationops.backups.tree import PendingTree
from migrationops.conf import Conf, Proof
from migrationops.progress import ProgressCallback


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One backup to be made; `expected_bytes` is an estimate, for the progress.

    With `read_back` the archive may be decoded while it is written. `pending` is a
    tree for more than one of `jobs`. A `part` is for pg_dump, and for one job.
    """

    id: str
    run: str
    source: Source
    pending: PendingFile | PendingTree
    report: ProgressCallback
    expected_bytes: int = 0
    read_back: bool = False
    jobs: int = 1
    part: Part | None = None

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
    """Makes archives of one database and reads them back.

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


@runtime_checkable
class ClusterEngine(Protocol):
    """Keeps a whole cluster: no one database can be restored from it.

    Its archive is a text: the commands with which a person takes the cluster back.
    """

    name: ClassVar[str]
    exclusive: ClassVar[bool]

    def check(self, source: Source) -> None:
        """Raise what would make `take` fail; change nothing."""

    def take(self, job: Job) -> Taken:
        """Make what can be gone back to, and write the text to `job.pending`."""

    def let_go(self, conf: Conf, manifest: Manifest) -> None:
        """End what `take` began that would last: it is given up, or expired."""

    def read_all(self, source: Source) -> None:
        """Have all that is kept read again; raise BackupError for what is damaged."""

    def prove(
        self, source: Source, manifest: Manifest, archive: Path, level: Proof
    ) -> ProofRecord:
        """Prove one of what was read to this level, or name what was not proven.

        Raises BackupError when it does not hold.
        """

    def missing(self, conf: Conf, manifests: Iterable[Manifest]) -> dict[str, str]:
        """Return, by id, why some cannot be gone back to any more.

        Raises an error of ours when that cannot be found out.
        """

    def left_behind(self, conf: Conf, manifests: Iterable[Manifest]) -> tuple[str, ...]:
        """Say what it began and no backup accounts for, with what ends it."""


AnyEngine: TypeAlias = Engine | ClusterEngine

LARGE_OBJECTS = "pg_largeobject"  # the key of read_back for large objects
