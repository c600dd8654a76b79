"""What has been shown of a backup, as its manifest keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migrationops.conf import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRecord:
    """How far the backup was proven, when, in how long, and the rows compared."""

    level: Proof = Proof.NONE
    at: datetime | None = None
    seconds: float = 0.0
    rows: int = 0
    skipped: tuple[str, ...] = ()  # objects that this role could not restore


def parse_proof(data: Mapping[str, Any]) -> ProofRecord:
    """Return the value that was written as JSON."""
    at = data["at"]
    return ProofRecord(
        level=Proof[data["level"].upper()],
        at=datetime.fromisoformat(at) if at else None,
        seconds=data["seconds"],
        rows=data["rows"],
        skipped=tuple(data["skipped"]),
    )
