"""What lint found in migrations, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from migrationops.graph import Key
from migrationops.lint.finding import Finding, Severity, Suppressed, worst
from migrationops.postgres.table_locks import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One migration's worst finding."""

    app: str
    name: str
    verdict: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """Whether a statement of a migration ("app.name") would do blocking work."""

    migration: str
    sql: str
    blocks: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """`unknown` says which facts nobody could tell; `baselined` counts old findings.

    `locks`: what an atomic migration that needs several tables may lock first.
    """

    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    migrations: tuple[Verdict, ...] = ()
    foretold: tuple[Foretold, ...] = ()
    unknown: tuple[str, ...] = ()
    baselined: int = 0
    locks: Mapping[Key, Mapping[str, Lock]] = field(default_factory=dict)

    @property
    def worst(self) -> Severity:
        return worst(finding.severity for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "findings": [finding.to_json() for finding in self.findings],
            "migrations": [
                {"app": m.app, "name": m.name, "verdict": m.verdict.value}
                for m in self.migrations
            ],
            "foretold": [asdict(item) for item in self.foretold],
            "suppressed": [item.to_json() for item in self.suppressed],
            "baselined": self.baselined,
            "locks": {
                ".".join(key): {table: lock.title for table, lock in locks.items()}
                for key, locks in self.locks.items()
            },
            "unknown": list(self.unknown),
        }
