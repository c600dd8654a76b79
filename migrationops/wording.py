"""How numbers are said to people: of things, and of seconds."""

from __future__ import annotations


def many(count: int, noun: str) -> str:
    """Write a count with its noun: 1 row, 2,000 rows."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Write a time as precisely as anybody cares; `-` where it is not over."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
