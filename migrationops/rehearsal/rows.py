"""The live rows in a shadow: whether there is room for them, whether they came."""

from __future__ import annotations

import os
import shutil

from migrationops.exceptions import PreconditionError
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection

_SIZE = "SELECT pg_database_size(current_database())"
_DIRECTORY = "SELECT setting FROM pg_settings WHERE name = 'data_directory'"


def require_room(live: Connection, copy: Connection) -> None:
    """Raise PreconditionError when the shadow's server has no room for a copy.

    Known only when its disk is one of ours.
    """
    (directory,) = copy.execute(_DIRECTORY).fetchone() or ("",)
    is_here = directory and copy.info.host.startswith("/")
    if not is_here or not os.access(directory, os.F_OK):
        return
    (needed,) = live.execute(_SIZE).fetchone() or (0,)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise PreconditionError(
            f"A shadow with the live rows needs about {needed / 1e6:,.0f} MB and "
            f"{free / 1e6:,.0f} MB are free. Nothing was changed.",
            remedy="Rehearse without --with-data, or name another server in "
            'MIGRATIONOPS["SHADOW_URL"].',
        )


def lost(live: Connection, copy: Connection) -> list[str]:
    """Say which tables have rows on the live database and none on the copy."""
    copy.execute("ANALYZE")
    there = introspection.sizes(copy)
    return [
        f"table {name}: its rows could not be copied"
        for name, size in introspection.sizes(live).items()
        if size.rows > 0 and name in there and there[name].rows == 0
    ]
