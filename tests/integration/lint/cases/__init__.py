"""Cases of our own, with what real servers of three versions did.

cases.txt holds the statements, base.sql what they start from, measured.json the
answers: did the statement do blocking work, or with which SQLSTATE it failed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent

# Only rows tell these: PostgreSQL fails, or plans, by what is stored.
BY_DATA = {
    "type-bit-up",
    "part-detach-referenced",
    "tx-subquery-read",
    "merge-after-alter",
}


@dataclass(slots=True, kw_only=True)
class Case:
    id: str
    atomic: bool
    least: int = 0  # the oldest major that has the syntax
    setup: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)


def base() -> str:
    return (HERE / "base.sql").read_text()


@cache
def cases() -> list[Case]:
    """Read cases.txt."""
    found: list[Case] = []
    for line in (HERE / "cases.txt").read_text().splitlines():
        if line.startswith("== "):
            name, *words = line[3:].split()
            least = [int(w[4:]) for w in words if w.startswith("min=")]
            found.append(Case(id=name, atomic="auto" not in words, least=sum(least)))
        elif line.startswith("setup: "):
            found[-1].setup.append(line[7:])
        elif line and not line.startswith("#"):
            found[-1].statements.append(line)
    return found


@cache
def measured() -> dict[str, dict[str, list[bool | str]]]:
    """Return what each major did, statement by statement: blocked, or its SQLSTATE."""
    answers: dict[str, dict[str, list[bool | str]]]
    answers = json.loads((HERE / "measured.json").read_text())
    return answers
