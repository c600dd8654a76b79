"""The four environments and what each may do."""

from __future__ import annotations

from enum import StrEnum


class Environment(StrEnum):
    """Where a database lives; a constant of a reviewed settings module."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"

    @property
    def is_protected(self) -> bool:
        """Whether plain migrate, flush and loaddata are refused here."""
        return self in (Environment.STAGING, Environment.PRODUCTION)

    @property
    def may_be_seeded(self) -> bool:
        return self is not Environment.PRODUCTION

    @property
    def may_be_cleared(self) -> bool:
        """Whether a seed may delete first what is there."""
        return self in (Environment.DEVELOPMENT, Environment.STAGING)
