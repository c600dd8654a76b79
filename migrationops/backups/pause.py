"""A paused standby: where its replay stands, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Everything that was written before `lsn` is on the standby, nothing after it.

    `name` is a restore point shortly before it; `where` is the standby, for psql.
    """

    name: str
    lsn: str
    timeline: int
    system_id: str
    databases: tuple[str, ...]
    where: str
    committed: datetime | None  # the last transaction that it has replayed


def parse_pause(data: Mapping[str, Any] | None) -> Pause | None:
    """Return the value that was written as JSON."""
    if data is None:
        return None
    at = data["committed"]
    values = {
        "databases": tuple(data["databases"]),
        "committed": datetime.fromisoformat(at) if at else None,
    }
    return Pause(**{**data, **values})
