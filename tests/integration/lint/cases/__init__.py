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

# Only rows, or what else the server has, tell these: PostgreSQL fails, or plans, by it.
BY_DATA = {
    "ck2-fk-composite",
    "dr2-event-trigger-fires",
    "dr2-security-label",
    "qu2-delete-parent-no-index",
    "qu2-delete-using",
    "st2-access-method-missing",
    "st2-tablespace-missing",
    "ty2-using-text-function",
    "vol2-operator-volatile",
    "type-bit-up",
    "part-detach-referenced",
    "tx-subquery-read",
    "merge-after-alter",
    "range-half",
}


# Only a catalog tells these: the setup is more than the simulation follows.
BY_CATALOG = {
    "dr2-domain-matview-user",
    "ty2-invalid-index-kept",
    "ty2-typed-table-alter-attribute",
}

# Reading does not tell what these do, and lint says so.
UNKNOWABLE = {
    "do-execute-format",
    "do-loop",
    "dr2-create-schema-elements",
    "dr2-drop-owned",
    "dr2-syntax-error",
    "qu2-declare-cursor",
    "qu2-function-ddl",
    "qu2-function-stable-reads",
    "qu2-procedure-ddl",
    "st2-all-in-tablespace",
    "vol2-overload-immutable",
    "vol2-overload-volatile",
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
