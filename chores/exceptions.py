"""What the services refuse; every message is a sentence for a person.

ChoresError
├── NotAllowedError       the actor may not
├── WrongStateError       it is not in a state where this can be done
│   └── AlreadyUndoneError    a retry of something that was undone or rejected
├── NotEnoughPointsError
├── OutOfStockError
└── RuleError             a schedule that cannot be read or never falls on a date
"""

from __future__ import annotations


class ChoresError(Exception):
    """This cannot be done."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.__class__.__doc__)


class NotAllowedError(ChoresError):
    """You may not do this."""


class WrongStateError(ChoresError):
    """This cannot be done any more."""


class AlreadyUndoneError(WrongStateError):
    """This was done and then undone or rejected; do it anew."""


class NotEnoughPointsError(ChoresError):
    """There are not enough points for this."""


class OutOfStockError(ChoresError):
    """None of these is left."""


class RuleError(ChoresError):
    """The schedule's rule cannot be used."""
