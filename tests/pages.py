"""The documentation's pages, read as its readers do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.sources import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_INDENTED = re.compile(r"(?:^    .*\n)+", re.M)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_NAMED = re.compile(r"^`(\w+\.py)`\n```python\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """The text without fenced code."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """The headings as GitHub names them."""
        return {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in _HEADING.findall(self.prose)
        }

    @property
    def code(self) -> list[str]:
        """The lines of code blocks and the code in sentences."""
        blocks = [body for _, body in _FENCE.findall(self.text)]
        blocks += _INDENTED.findall(self.prose)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        return lines + _INLINE.findall(self.prose)

    @property
    def files(self) -> dict[str, str]:
        """Python files that the page shows, by the name above them."""
        return dict(_NAMED.findall(self.text))


def pages() -> list[Page]:
    """Return README, CHANGELOG and everything below docs."""
    top = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    return [Page(path) for path in [*top, *sorted((ROOT / "docs").rglob("*.md"))]]


def page(name: str) -> Page:
    return Page(ROOT / name)
