"""What a restore has done, for people and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from migrationops.backups.difference import Difference
from migrationops.backups.losses import Losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was restored; `outage` is the seconds in which nobody could connect, None
    where that is not known.

    `warnings` are what failed after the swap, which stands.
    """

    database: str
    backup: str
    rows: int
    seconds: float
    kept: str = ""
    outage: float | None = 0.0
    history_rows: int = 0
    losses: Losses = field(default_factory=Losses)
    differences: tuple[Difference, ...] | None = None
    missing: tuple[str, ...] = ()
    dropped_slots: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        values = {"version": 1, **asdict(self)}
        values["losses"]["at_most"] = self.losses.at_most
        return values
