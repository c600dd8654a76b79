"""A finding: what a rule says of one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad it is on this database, by the facts."""

    SAFE = "safe"
    CAREFUL = "careful"
    DANGEROUS = "dangerous"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


def worst(severities: Iterable[Severity]) -> Severity:
    return max(severities, key=lambda s: s.rank, default=Severity.SAFE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule's finding; `operation` counts from 0, None for the whole migration."""

    rule: str
    severity: Severity
    message: str
    remedy: str
    app: str = ""
    migration: str = ""
    operation: int | None = None
    table: str = ""
    sql: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "app": self.app,
            "migration": self.migration,
            "operation": self.operation,
            "table": self.table,
            "message": self.message,
            "remedy": self.remedy,
            "sql": self.sql,
        }

    @property
    def key(self) -> str:
        """What a baseline file remembers it by."""
        place = f"{self.app}.{self.migration}:{self.operation}"
        return f"{self.rule} {place} {self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """A finding that the migration's author answered for."""

    finding: Finding
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {**self.finding.to_json(), "reason": self.reason}
