"""Room on the disks, asked before anything is started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from migrationops.backups.estimate import Estimate
from migrationops.exceptions import PreconditionError
from migrationops.postgres.databases import Connection

_EXPIRE = "Make room (old backups and kept databases: manage.py backups expire --apply)"


def check_dump(place: Path, expected: Estimate) -> None:
    """Raise PreconditionError when the dump will not fit into its directory."""
    _check(
        place,
        expected.dump_bytes,
        f"The dump needs about {{needed}} in {place}",
        f'{_EXPIRE}, or change MIGRATIONOPS["BACKUP_DIR"].',
    )


def check_copy(connection: Connection, needed: int, *, otherwise: str = "") -> None:
    """Raise PreconditionError when a copy will not fit on the server's disk.

    Known only when that disk is one of ours; `otherwise` is the way without the copy.
    """
    directory = _data_directory(connection)
    if directory is not None:
        _check(
            directory,
            needed,
            "The restored copy needs about {needed} on the server's disk",
            f"{_EXPIRE}{otherwise and ', or '}{otherwise}.",
        )


def _check(directory: Path, needed: int, what: str, remedy: str) -> None:
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise PreconditionError(
            f"{what.format(needed=_megabytes(needed))}, and {_megabytes(free)} are "
            "free. Nothing was changed.",
            remedy=remedy,
        )


def _data_directory(connection: Connection) -> Path | None:
    row = connection.execute(
        "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
    ).fetchone()
    is_here = connection.info.host.startswith("/")
    return Path(row[0]) if row and is_here and os.access(row[0], os.F_OK) else None


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
