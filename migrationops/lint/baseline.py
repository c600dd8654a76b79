"""A file of findings that were there before lint was: only new ones count."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from migrationops.exceptions import ConfigurationError
from migrationops.lint.finding import Finding


def read(path: Path) -> frozenset[str]:
    """Return the findings' keys; raise ConfigurationError for a broken file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return frozenset(data["findings"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigurationError(
            f"The baseline {path} cannot be read: {exc}",
            remedy=f"manage.py lint_migrations --write-baseline {path}",
        ) from exc


def write(path: Path, findings: Iterable[Finding]) -> None:
    keys = sorted({finding.key for finding in findings})
    text = json.dumps({"version": 1, "findings": keys}, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")
