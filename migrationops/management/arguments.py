"""Types of command-line arguments; what they refuse is a usage error (exit 2)."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from migrationops.exceptions import ConfigurationError

if TYPE_CHECKING:
    from migrationops.executor.termination import Termination


def termination(text: str) -> Termination:
    """Read the rule by which blockers may be ended."""
    from migrationops.executor.termination import Termination

    try:
        return Termination.parse(text)
    except ConfigurationError as exc:
        raise ArgumentTypeError(f"{exc} {exc.remedy}") from exc


def number(text: str) -> int:
    """Read how many: 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError("a whole number, 0 or more")
    return int(text)


def workers(text: str) -> int:
    """Read how many work: 1 or more."""
    if not (count := number(text)):
        raise ArgumentTypeError("a whole number, 1 or more")
    return count


def seconds(text: str) -> float:
    """Read a length of time: 0 or more, and it ends."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (value >= 0 and math.isfinite(value)):
        raise ArgumentTypeError("a number of seconds, 0 or more")
    return value


def database_name(text: str) -> str:
    """Read a name: an empty shell variable is none, and must not mean the live one."""
    if not text:
        raise ArgumentTypeError("the name of a new database")
    return text
