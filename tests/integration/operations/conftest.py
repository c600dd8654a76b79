"""The ground that every test of an operation stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.operations.ground import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture
def ground(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Ground]:
    """Return an empty schema; no transaction around it, nothing is flushed."""
    with django_db_blocker.unblock():
        ground = Ground()
        ground.make()
        yield ground
        ground.remove()
