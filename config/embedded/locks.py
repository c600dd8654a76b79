"""File locks that the kernel drops when their holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def take(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """Return a descriptor that holds the lock, or None when that means to wait.

    The file can be removed while we wait for its lock (`make clean`), so a lock
    counts only when the file still stands at its path.
    """
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, mode if wait else mode | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if _stands(descriptor, path):
            return descriptor
        os.close(descriptor)


@contextmanager
def holding(path: Path) -> Iterator[int]:
    """Hold the lock alone, waiting for it, by the descriptor that is given."""
    descriptor = take(path)
    assert descriptor is not None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_free(path: Path) -> bool:
    """Tell whether nobody holds the lock, shared or alone."""
    return _to_be_had(path, shared=False)


def is_held_alone(path: Path) -> bool:
    """Tell whether somebody holds the lock alone; two who ask do not meet."""
    return not _to_be_had(path, shared=True)


def _to_be_had(path: Path, *, shared: bool) -> bool:
    descriptor = take(path, shared=shared, wait=False)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def _stands(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
