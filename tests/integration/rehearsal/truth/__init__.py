"""What PostgreSQL 15, 16 and 18 were measured to do, statement by statement."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONTRIB = re.compile(r"gist|hstore")


@dataclass(frozen=True)
class Case:
    """One script, and what each version was seen to do with it."""

    id: str
    in_transaction: bool
    extra_setup: list[str]
    sampled_locks: bool
    versions: dict[str, Any]

    def statements(self, major: int) -> list[dict[str, Any]]:
        return self.versions[str(major)]["statements"]

    @property
    def needs_contrib(self) -> bool:
        return bool(CONTRIB.search(json.dumps(self.versions)))


@cache
def cases() -> tuple[Case, ...]:
    return tuple(Case(**c) for c in json.loads((HERE / "measured.json").read_text()))


def base_schema(*, contrib: bool) -> str:
    """Return the schema and rows that every case starts from."""
    text = (HERE / "base.sql").read_text()
    if contrib:
        return text
    return re.sub(r"create extension.*\n", "", text).replace("ci citext", "ci text")


def differences(want: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """Compare one measured statement with one traced; sampled locks are luck."""
    if "error" in want:
        keys = ["sql", "error"]
    else:
        keys = ["sql", "locks", "held_before", "rewritten", "scanned"]
    pairs = [(key, want[key], got[key]) for key in keys]
    if "error" not in want:
        pairs += [
            ("error", None, got["error"]),
            ("blocks", bool(want["blocking_work_on"]), got["blocks"]),
        ]
    return [f"{key}: wanted {w}, got {g}" for key, w, g in pairs if w != g]
