"""Types of command-line arguments; what they refuse is a usage error (exit 2)."""

from __future__ import annotations

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
