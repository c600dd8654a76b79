"""The names that PostgreSQL gives to what is not named."""

from __future__ import annotations

LONGEST = 63  # bytes: NAMEDATALEN - 1


def object_name(table: str, column: str, label: str) -> str:
    """Return `<table>_<column>_<label>`, cut as PostgreSQL's makeObjectName does."""
    first, second = table.encode(), column.encode()
    space = LONGEST - len(label.encode()) - 2
    while len(first) + len(second) > space:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    parts = (part.decode(errors="ignore") for part in (first, second))
    return "_".join((*parts, label))
