"""Rows of each table in the SQL that pg_restore prints of an archive."""

from __future__ import annotations

import re
from collections import Counter

_COPY = re.compile(
    rb'^COPY ((?:"(?:[^"]|"")*"|[^".\s]+))\.((?:"(?:[^"]|"")*"|[^".\s]+))'
    rb"[^\n]* FROM stdin;(?=\n)",
    re.MULTILINE,
)
_LARGE_OBJECT = re.compile(rb"^SELECT pg_catalog\.lo_open\(", re.MULTILINE)
_END = b"\n\\.\n"


class RowCounter:
    """Counts COPY lines in a stream that comes in pieces of any size.

    A line of data can never be the end marker (COPY writes a backslash twice), so
    each table's block is skipped without being looked into.
    """

    def __init__(self, *, large_objects: str) -> None:
        self.rows: Counter[str] = Counter()
        self._large_objects = large_objects
        self._table: str | None = None
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        data = self._rest + chunk
        position: int | None = 0
        while position is not None:
            step = self._copy_data if self._table is not None else self._statements
            position = step(data, position)

    def _statements(self, data: bytes, start: int) -> int | None:
        """Look for the next COPY; return where its data begins."""
        match = _COPY.search(data, start)
        end = match.start() if match else data.rfind(b"\n", start)
        self.rows[self._large_objects] += len(
            _LARGE_OBJECT.findall(data[start : max(end, start)])
        )
        if match is None:
            self._rest = data[max(end, start) :]
            return None
        self._table = f"{_unquoted(match[1])}.{_unquoted(match[2])}"
        self.rows[self._table] += 0
        return match.end()

    def _copy_data(self, data: bytes, start: int) -> int | None:
        """Count lines from the newline at `start`; return where statements go on."""
        assert self._table is not None
        # Mostly it is absent, and rfind says so in half of find's time.
        end = data.find(_END, start) if data.rfind(_END, start) >= 0 else -1
        if end < 0:
            # The end marker may be cut in two: keep what could be its beginning.
            end = max(start, len(data) - len(_END) + 1)
            self.rows[self._table] += data.count(b"\n", start, end)
            self._rest = data[end:]
            return None
        self.rows[self._table] += data.count(b"\n", start, end)
        self._table = None
        return end + len(_END) - 1


def _unquoted(name: bytes) -> str:
    text = name.decode(errors="replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
