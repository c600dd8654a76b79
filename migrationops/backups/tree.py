"""An archive that is a directory of files: made under another name, then renamed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migrationops.backups import directory
from migrationops.exceptions import BackupError


@dataclass(slots=True, kw_only=True)
class PendingTree:
    """A directory that is being filled; gone at the end unless it was published.

    Locked for as long as its writer lives, as a PendingFile is.
    """

    path: Path
    final: Path
    published: bool = False

    def files(self) -> tuple[Path, ...]:
        return tuple(sorted(p for p in self.path.iterdir() if p.is_file()))

    def size(self) -> int:
        return sum(p.stat().st_size for p in self.files())

    def flush(self) -> None:
        """Bring every file to the disk, still under the temporary name."""
        for file in self.files():
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            file.chmod(0o600)
        directory.sync_directory(self.path)

    def clear(self) -> None:
        """Take back what was written, to write anew."""
        for file in self.files():
            file.unlink()

    def publish(self) -> None:
        """Give it its name, and bring that to the disk too."""
        self.path.replace(self.final)
        self.published = True
        directory.sync_directory(self.final.parent)


@contextmanager
def pending_tree(final: Path) -> Iterator[PendingTree]:
    """Fill a directory that appears under its name only by publish().

    Raises BackupError when it cannot be written, or when something is there already.
    """
    if os.path.lexists(final):
        raise BackupError(
            f"{final} exists already; it was not touched.",
            remedy="See: manage.py backups list",
        )
    pending = PendingTree(
        path=final.with_name(final.name + directory.PARTIAL), final=final
    )
    try:
        pending.path.mkdir(mode=0o700)
        handle = os.open(pending.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield pending
        finally:
            os.close(handle)
            if not pending.published:
                directory.remove(pending.path)
    except OSError as exc:
        raise directory.unwritable(pending.path, exc) from exc
