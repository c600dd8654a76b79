"""The ground that every test of an operation stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.operations.database import own_database, used_by_django
from tests.integration.operations.ground import SCHEMA, Ground

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.plugin import DjangoDbBlocker

__all__ = ["own_database"]


@pytest.fixture
def ground(own_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Ground]:
    """Return an empty schema; no transaction around it, nothing is flushed."""
    with (
        django_db_blocker.unblock(),
        used_by_django(own_database, search_path=SCHEMA),
    ):
        ground = Ground()
        ground.make()
        yield ground
