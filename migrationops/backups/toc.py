"""An archive's table of contents: what this role may not restore, or not give away.

Managed services have no superuser. What is left out is named, never passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from migrationops.backups.source import Source
from migrationops.postgres import tools
from migrationops.postgres.databases import Connection

# 3466; 3466 16450 EVENT TRIGGER - watch postgres
_ENTRY = re.compile(r"^(?P<id>\d+); \d+ \d+ (?P<rest>.+)$")
_PRIVILEGED = ("EVENT TRIGGER", "PUBLICATION", "SUBSCRIPTION")
_NO_OBJECT = ("ACL", "COMMENT", "SECURITY LABEL", "SEQUENCE SET", "TABLE DATA")
_KEY = "FK CONSTRAINT"
_OF_A_ROLE = "DEFAULT ACL"  # ALTER DEFAULT PRIVILEGES FOR that role
_SET = 160000  # since then a member may be forbidden to SET ROLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The lines of `pg_restore --list` to keep, and what they leave out.

    `adopted` names the owners that what they own cannot be given back to, `left_out`
    is what nobody could restore.
    """

    lines: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def without_foreign_keys(self) -> Contents:
        """Return this for a part of a database: the rows referred to are not there."""
        keys = tuple(line for line in self.lines if _rest(line).startswith(_KEY))
        kept = tuple(line for line in self.lines if line not in set(keys))
        return replace(self, lines=kept, left_out=tuple(map(_rest, keys)))

    @property
    def missing(self) -> tuple[str, ...]:
        """What will not be as it was, for people."""
        return self.skipped + self.adopted


def restorable(source: Source, connection: Connection, archive: Path) -> Contents:
    """Return what the role of this connection can restore of the archive."""
    listing = _list(source, archive)
    if is_superuser(connection):
        return Contents(lines=tuple(listing))
    missing = _uncreatable_extensions(connection)
    others = _others(connection)
    skipped = {
        line: description
        for line in listing
        if (description := _needs_another(line, missing, others))
    }
    kept = tuple(line for line in listing if line not in skipped)
    return Contents(
        lines=kept,
        skipped=tuple(skipped.values()),
        adopted=tuple(_adopted(kept, others)),
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


def _needs_another(line: str, missing: set[str], others: set[str]) -> str:
    """Describe the entry when this role cannot restore it, else return ''."""
    rest = _rest(line).removeprefix("COMMENT - ")
    if rest.startswith(_PRIVILEGED):
        return rest
    if rest.startswith("EXTENSION"):
        return rest if missing & set(rest.split()) else ""
    if rest.startswith(_OF_A_ROLE):
        return rest if _owner(rest, others) else ""
    return ""


def _rest(line: str) -> str:
    match = _ENTRY.match(line)
    return match["rest"] if match else ""


def _adopted(lines: Iterable[str], others: set[str]) -> Iterable[str]:
    owned = Counter(
        owner
        for line in lines
        if not _rest(line).startswith(_NO_OBJECT) and (owner := _owner(line, others))
    )
    return (f"the owner {owner} of {count} objects" for owner, count in owned.items())


def _owner(line: str, others: set[str]) -> str:
    """Return which of the others an entry belongs to, or ''; the owner stands last."""
    return next((other for other in others if line.endswith(f" {other}")), "")


def is_superuser(connection: Connection) -> bool:
    """Return whether this session may do everything."""
    row = connection.execute(
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _others(connection: Connection) -> set[str]:
    """Return the roles that this one can give nothing to."""
    right = "SET" if connection.info.server_version >= _SET else "MEMBER"
    rows = connection.execute(
        "SELECT rolname FROM pg_roles WHERE NOT pg_has_role(current_user, oid, %s)",
        [right],
    ).fetchall()
    return {row[0] for row in rows}


def _uncreatable_extensions(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT name FROM pg_available_extension_versions "
        "WHERE superuser AND NOT trusted"
    ).fetchall()
    return {row[0] for row in rows}
