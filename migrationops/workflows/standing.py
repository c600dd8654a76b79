"""How a database stands after a backup or a restore that was ended early."""

from __future__ import annotations

import psycopg

from migrationops.backups import derived
from migrationops.backups.derived import Role
from migrationops.backups.source import Source
from migrationops.exceptions import DatabaseError
from migrationops.history import Standing
from migrationops.journal import Journal


def after_backup(_journal: Journal) -> Standing:
    """Say that the database is as it was; what is listed is a backup, and no more."""
    return Standing(
        "The database was not changed; what manage.py backups list does not show is "
        "no backup.",
        remedy="Run the same command again.",
    )


class RestoreWatch:
    """Knows which databases were kept before, and so whether there was a swap."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._before = self._kept()

    def standing(self, journal: Journal) -> Standing:
        """Say whether the backup is live."""
        try:
            kept = self._kept() - self._before
        except (DatabaseError, psycopg.Error):
            return Standing(
                "The server is gone: the swap was made whole or not at all, and "
                f"{journal.file.path} has what was done before.",
                remedy="When it is back, manage.py backups list names what is kept.",
            )
        if not kept:
            return Standing(f"The data of {self._source.database!r} was not changed.")
        return Standing(
            f"The backup is live in {self._source.database!r}; what was live is kept "
            f"as {', '.join(kept)}. What follows the swap may not have been done: "
            "sessions on standbys, slots, the comparison of --list-losses.",
            remedy="Nothing needs to be restored again; see: manage.py backups list",
        )

    def _kept(self) -> frozenset[str]:
        with self._source.maintenance() as connection:
            found = derived.find_derived(connection, self._source.database)
        return frozenset(d.name for d in found if d.role is Role.KEPT)
