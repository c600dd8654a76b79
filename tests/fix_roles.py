"""A role that may not make a database is told so, and the test skipped there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.roles import CREATES_NONE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Skip what this role may not do, when it was said in so many words."""
    try:
        yield
    except Exception as exc:
        if CREATES_NONE and "may not create databases" in str(exc):
            pytest.skip("this role may not create databases, and is told so")
        raise
