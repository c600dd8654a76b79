"""Files of backups on a disk: made under another name, flushed, then renamed."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from migrationops.conf import Conf
from migrationops.exceptions import BackupError, ConfigurationError

PARTIAL = ".partial"


@dataclass(slots=True, kw_only=True)
class PendingFile:
    """A file that is being written; gone at the end unless it was published.

    Locked for as long as its writer lives, which tells it from a dead one's.
    """

    file: BinaryIO
    path: Path
    final: Path
    published: bool = False

    def flush(self) -> None:
        """Bring everything to the disk, still under the temporary name."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def clear(self) -> None:
        """Take back what was written, to write anew."""
        self.file.seek(0)
        self.file.truncate()

    def publish(self) -> None:
        """Give it its name, and bring that to the disk too."""
        self.flush()
        self.path.replace(self.final)
        self.published = True
        sync_directory(self.final.parent)


def backup_directory(conf: Conf) -> Path:
    """Return BACKUP_DIR, made where that is safe.

    In a protected environment an absent directory is an error: it more likely is a
    volume that is not mounted. Raises ConfigurationError.
    """
    path = conf.backup_dir
    if path is None:
        raise ConfigurationError(
            'MIGRATIONOPS["BACKUP_DIR"] is required in a protected environment.',
            remedy="Set it to a directory that outlives this host.",
        )
    if conf.environment.is_protected and not path.is_dir():
        raise ConfigurationError(
            f"The backup directory {path} does not exist; nothing was changed.",
            remedy="Mount or make it, with mode 0700.",
        )
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigurationError(
            f"The backup directory {path} cannot be made: {exc.strerror}.",
            remedy='Make it with mode 0700, or change MIGRATIONOPS["BACKUP_DIR"].',
        ) from exc
    return path.resolve()


def unwritable(path: Path, exc: OSError) -> BackupError:
    return BackupError(
        f"{path} cannot be written: {exc.strerror or exc}. No backup was made, "
        "the database was not changed.",
        remedy=f"See to space and rights in {path.parent} and try again.",
    )


@contextmanager
def pending_file(final: Path, *, replace: bool = False) -> Iterator[PendingFile]:
    """Write a file that appears under its name only by publish().

    Raises BackupError when it cannot be written, or when something of that name is
    there already (unless it may be replaced).
    """
    if not replace and os.path.lexists(final):
        raise BackupError(
            f"{final} exists already; it was not touched.",
            remedy="See: manage.py backups list",
        )
    path = final.with_name(final.name + PARTIAL)
    try:
        with os.fdopen(_create(path), "wb") as file:
            pending = PendingFile(file=file, path=path, final=final)
            try:
                yield pending
            finally:
                if not pending.published:
                    path.unlink(missing_ok=True)
    except OSError as exc:
        raise unwritable(path, exc) from exc


def open_file(path: Path) -> BinaryIO:
    """Open a file of a backup for reading; what is no plain file is refused.

    Nobody waits for the writer of a pipe that was put there.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as exc:
        raise BackupError(
            f"There is no {path}; nothing was changed.",
            remedy="See: manage.py backups list",
        ) from exc
    except PermissionError as exc:
        raise BackupError(
            f"{path} cannot be read: {exc.strerror}. Nothing was changed.",
            remedy="Give this user the right to read it, or use another backup; "
            "see: manage.py backups list",
        ) from exc
    except OSError as exc:
        why = "it is a symbolic link" if path.is_symlink() else exc.strerror
        raise _not_read(path, why or str(exc)) from exc
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _not_read(path, "it is no plain file")
    return os.fdopen(handle, "rb")


def _not_read(path: Path, why: str) -> BackupError:
    return BackupError(
        f"{path} was not read: {why}. Nothing was changed.",
        remedy="Look who put it there; then use another backup: manage.py backups list",
    )


def collect_leftovers(directory: Path) -> tuple[Path, ...]:
    """Remove what writers that are dead have not finished; return what went."""
    found = tuple(
        path for path in directory.glob(f"backup-*{PARTIAL}") if _is_abandoned(path)
    )
    for path in found:
        remove(path)
    return found


def remove(path: Path) -> None:
    """Remove a file, or a directory with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _create(path: Path) -> int:
    """Create and lock it; a dead writer's file of the same name is replaced."""
    if os.path.lexists(path) and _is_abandoned(path):
        path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _is_abandoned(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # a symbolic link, or gone by now
        return path.is_symlink()
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def sync_directory(path: Path) -> None:
    """Bring the names in a directory to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
