"""A part of a database: the whole schema, and the rows of some tables only.

It is taken beside a physical backup, so that rows can be had back without the whole
cluster. The schema is whole, since no table can be restored without its types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from migrationops.backups.snapshot import Snapshot

_FAMILY = """
WITH RECURSIVE family AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname || '.' || c.relname = ANY (%s)
    UNION
    SELECT h.inhrelid FROM family f JOIN pg_inherits h ON h.inhparent = f.oid
)
SELECT n.nspname, c.relname
FROM family JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
"""
_VIEWS = "SELECT schemaname, matviewname FROM pg_matviews"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of which tables it holds the rows; `bytes` they have live, indexes included.

    `unknown` says what of the plan could not be read, so that more may be missing.
    """

    tables: tuple[str, ...]
    bytes: int
    unknown: tuple[str, ...] = ()


def parse_part(data: Mapping[str, Any] | None) -> Part | None:
    """Return the value that was written as JSON."""
    if data is None:
        return None
    lists = {key: tuple(data[key]) for key in ("tables", "unknown")}
    return Part(**{**data, **lists})


def narrowed(whole: Snapshot, part: Part) -> Snapshot:
    """Return it with the part's tables, and those below them, alone.

    pg_dump is told whose rows to leave out: it has no option for whose to take.
    """
    connection = whole.connection
    wanted = set(connection.execute(_FAMILY, [list(part.tables)]).fetchall())
    names = [(r.schema, r.name) for r in whole.relations]
    others = [name for name in names if name not in wanted]
    others += connection.execute(_VIEWS).fetchall()
    excluded = (
        f"--exclude-table-data={sql.Identifier(*name).as_string(connection)}"
        for name in others
    )
    relations = (r for r in whole.relations if (r.schema, r.name) in wanted)
    return replace(whole, relations=tuple(relations), options=(*excluded, "--no-blobs"))
