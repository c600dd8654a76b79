"""Turns reports and progress into text; the only place that formats for people."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.management.base import OutputWrapper

from migrationops.progress import Progress, State
from migrationops.wording import duration, many

if TYPE_CHECKING:
    from tqdm import tqdm

    from migrationops.backups.proof_record import ProofRecord

_MARKS = {State.DONE: "✓", State.FAILED: "✗", State.ADVANCED: "·"}
_MEASURED = ("bytes", "rows", "blocks")
_EVERY = 10.0  # seconds between two lines about a long step, where there is no bar
_BYTES = ("B", "kB", "MB", "GB", "TB")


class ProgressLines:
    """A line for each thing done; on a terminal also what is under way, and a bar.

    Elsewhere a long step says every now and then how far it is.
    """

    def __init__(
        self, out: OutputWrapper, *, quiet: bool, every: float = _EVERY
    ) -> None:
        self._out = out
        self._quiet = quiet
        self._every = every
        self._said: dict[str, float] = {}
        self._bar: tqdm[Any] | None = None
        self._started: dict[str, float] = {}

    def __call__(self, event: Progress) -> None:
        if self._quiet:
            return
        try:
            self._tell(event)
        except (OSError, ValueError):  # nobody reads it any more; the run goes on
            self._quiet = True

    def _tell(self, event: Progress) -> None:
        if event.state is State.ADVANCED and event.unit in _MEASURED:
            self._advance(event)
            return
        self._close()
        if event.state is State.STARTED:
            self._started[event.label] = time.monotonic()
            if self._out.isatty():
                line = f"{self._erase()}… {_text(event)}\r"
                self._out.write(line, _plain, ending="")
            return
        self._out.write(
            f"{self._erase()}{_MARKS[event.state]} {self._text(event)}", _plain
        )

    def _text(self, event: Progress) -> str:
        started = self._started.pop(event.label, None)
        took = f" ({duration(time.monotonic() - started)})" if started else ""
        return f"{_text(event)}{took}"

    def _erase(self) -> str:
        return "\033[K" if self._out.isatty() else ""

    def _advance(self, event: Progress) -> None:
        if not self._out.isatty():
            self._say_how_far(event)
            return
        if self._bar is not None and self._bar.desc != f"{event.label}: ":
            self._close()
        if self._bar is None:
            from tqdm import tqdm  # costs more to import than a run without a bar

            self._bar = tqdm(
                total=event.total or None,
                desc=event.label,
                unit="B" if event.unit == "bytes" else f" {event.unit}",
                unit_scale=True,
                leave=False,
                file=_Bare(self._out),
            )
        self._bar.total = event.total or None
        self._bar.update(event.done - self._bar.n)

    def _say_how_far(self, event: Progress) -> None:
        now = time.monotonic()
        if now - self._said.setdefault(event.label, now) < self._every:
            return
        self._said[event.label] = now
        share = f" ({event.done / event.total:.0%})" if event.total else ""
        self._out.write(f"· {event.label}: {amount(event)}{share}", _plain)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Bare:
    """The stream as a bar wants it: OutputWrapper would end and colour each piece."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out

    def write(self, text: str) -> None:
        self._out.write(text, _plain, ending="")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def table(rows: Iterable[Sequence[object]], *, indent: str = "  ") -> str:
    """Align columns with spaces."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        indent
        + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def amount(event: Progress) -> str:
    """Write how much is done, of how much where that is known."""
    if event.unit == "bytes":
        done, total, unit = size(event.done), size(event.total), ""
    else:
        done, total, unit = f"{event.done:,}", f"{event.total:,}", f" {event.unit}"
    return f"{done} of {total}{unit}" if event.total else f"{done}{unit}"


def proof_text(proof: ProofRecord) -> str:
    """Say how far a backup was proven."""
    rows = f", {many(proof.rows, 'row')}" if proof.rows else ""
    skipped = f", not proven: {'; '.join(proof.skipped)}" if proof.skipped else ""
    return f"{proof.level.name.lower()}{rows}{skipped}"


def size(count: float) -> str:
    """Write bytes with three digits at most."""
    for unit in _BYTES:
        if count < 1000 or unit == _BYTES[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def _text(event: Progress) -> str:
    if event.unit == "migrations":
        return f"[{event.done}/{event.total}] {event.label}"
    return event.label


def _plain(text: str) -> str:
    return text
