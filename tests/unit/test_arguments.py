"""What a shell's empty variable, a slip of the finger or an overflow may not mean."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

import pytest

from migrationops.management import arguments


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (arguments.number, "-1"),
        (arguments.number, "²"),
        (arguments.number, ""),
        (arguments.workers, "0"),
        (arguments.workers, "-3"),
        (arguments.seconds, "-1"),
        (arguments.seconds, "nan"),
        (arguments.seconds, "inf"),
        (arguments.seconds, "soon"),
        (arguments.database_name, ""),
    ],
)
def test_it_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        read(text)


def test_it_is_read() -> None:
    assert arguments.number("0") == 0
    assert arguments.workers("4") == 4
    assert arguments.seconds("0.5") == 0.5
    assert arguments.database_name("shop") == "shop"
