"""Which of the listed backups still are where they were made."""

from __future__ import annotations

from dataclasses import replace

from migrationops.backups import derived
from migrationops.backups.catalog import Listing, Unusable
from migrationops.backups.derived import Role
from migrationops.backups.engines import confirmed
from migrationops.backups.source import Source
from migrationops.backups.template import Template


def present(listing: Listing, source: Source) -> Listing:
    """Ask whoever keeps backups elsewhere, and this server for its copies."""
    found = confirmed(listing, source.conf)
    own = {
        m.id
        for m in found.backups
        if (m.engine, m.database) == (Template.name, source.database)
    }
    if not own:
        return found
    with source.maintenance() as connection:
        beside = derived.find_derived(connection, source.database)
    lost = own - {d.backup for d in beside if d.role is Role.COPY}
    why = "Its copy is not on this server any more."
    return replace(
        found,
        backups=tuple(m for m in found.backups if m.id not in lost),
        unusable=(
            *found.unusable,
            *(Unusable(id=i, problem=why, gone=True) for i in sorted(lost)),
        ),
    )
