"""An archive's table of contents: what this role may not restore is left out.

Managed services have no superuser. What is left out is named, never passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from migrationops.backups.source import Source
from migrationops.postgres import tools
from migrationops.postgres.databases import Connection

# 3466; 3466 16450 EVENT TRIGGER - watch postgres
_ENTRY = re.compile(r"^(?P<id>\d+); \d+ \d+ (?P<rest>.+)$")
_PRIVILEGED = ("EVENT TRIGGER", "PUBLICATION", "SUBSCRIPTION")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The lines of `pg_restore --list` to keep, and what they leave out."""

    lines: tuple[str, ...]
    skipped: tuple[str, ...]


def restorable(source: Source, connection: Connection, archive: Path) -> Contents:
    """Return what the role of this connection can restore of the archive."""
    listing = _list(source, archive)
    if is_superuser(connection):
        return Contents(lines=tuple(listing), skipped=())
    missing = _uncreatable_extensions(connection)
    skipped = {
        line: description
        for line in listing
        if (description := _needs_superuser(line, missing))
    }
    return Contents(
        lines=tuple(line for line in listing if line not in skipped),
        skipped=tuple(skipped.values()),
    )


def _list(source: Source, archive: Path) -> list[str]:
    text = tools.run(
        source.programs,
        "pg_restore",
        "--list",
        str(archive),
        environment=tools.environment({}),
        timeout=600,
    )
    return [line for line in text.splitlines() if _ENTRY.match(line)]


def _needs_superuser(line: str, missing: set[str]) -> str:
    """Describe the entry when only a superuser can restore it, else return ''."""
    match = _ENTRY.match(line)
    rest = match["rest"].removeprefix("COMMENT - ") if match else ""
    if rest.startswith(_PRIVILEGED):
        return rest
    if rest.startswith("EXTENSION"):
        return rest if missing & set(rest.split()) else ""
    return ""


def is_superuser(connection: Connection) -> bool:
    """Return whether this session may do everything."""
    row = connection.execute(
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _uncreatable_extensions(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT name FROM pg_available_extension_versions "
        "WHERE superuser AND NOT trusted"
    ).fetchall()
    return {row[0] for row in rows}
