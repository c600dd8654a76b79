from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from config.embedded.place import USES
from tests.checkout import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make_checkout() -> Iterator[Callable[..., Checkout]]:
    """Return a function that copies the configuration to another directory."""
    with ExitStack() as made:

        def make(*name: str, **options: Any) -> Checkout:
            checkout = Checkout.make(*name, **options)
            made.callback(checkout.remove)
            return checkout

        yield make


@pytest.fixture
def checkout(make_checkout: Callable[..., Checkout]) -> Checkout:
    """Return a copy of the configuration whose servers were never made."""
    return make_checkout()


@pytest.fixture(scope="session")
def used_checkout() -> Iterator[Checkout]:
    """Give one copy whose test server was made before; tests take `idle_checkout`."""
    checkout = Checkout.make()
    checkout.spawn().end()
    yield checkout
    checkout.remove()


@pytest.fixture
def idle_checkout(used_checkout: Checkout) -> Iterator[Checkout]:
    """Return a copy with a test server that nobody uses and that does not run."""
    yield used_checkout
    used_checkout.end_users()
    for use in USES:
        used_checkout.server(use=use).stop()
