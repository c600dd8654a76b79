"""A restore point: a name in the WAL to which a whole cluster can be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """Where it is, and the backup of the stanza from which recovery begins."""

    name: str
    lsn: str
    timeline: int
    system_id: str  # the cluster's; it is what goes back, all of it
    databases: tuple[str, ...]
    stanza: str
    label: str
    wal_segment_bytes: int
    cluster_bytes: int
    repository_bytes: int
    version: str  # pgBackRest's

    def segments(self, first: str) -> Iterator[str]:
        """Name the WAL files from `first` up to the point."""
        size = self.wal_segment_bytes
        a_file = 2**32 // size  # segments of one high half of an LSN
        begin = int(first[8:16], 16) * a_file + int(first[16:24], 16)
        high, low = (int(part, 16) for part in self.lsn.split("/"))
        last = ((high << 32) + low - 1) // size
        for number in range(begin, last + 1):
            upper, lower = divmod(number, a_file)
            yield f"{self.timeline:08X}{upper:08X}{lower:08X}"


def parse_point(data: Mapping[str, Any] | None) -> RestorePoint | None:
    """Return the value that was written as JSON."""
    if data is None:
        return None
    return RestorePoint(**{**data, "databases": tuple(data["databases"])})
