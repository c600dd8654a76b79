"""Small pictures as inline SVG, in the admin's own colours, with words beside them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

CELL = 11
STEP = 13
SHADES = 4
BAR_WIDTH = 260
BAR_STEP = 26
WIDTH = 620
YEAR = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A line of a bar chart; note is said beside the number."""

    label: str
    value: int
    note: str = ""


def heatmap(
    counts: Mapping[datetime.date, int],
    *,
    until: datetime.date,
    what: str,
    weeks: int = YEAR,
) -> SafeString:
    """Return the days of some weeks, a column each, darker where more was done."""
    start = until - datetime.timedelta(days=until.weekday() + 7 * (weeks - 1))
    most = max(counts.values(), default=0)
    days = [start + datetime.timedelta(days=n) for n in range((until - start).days + 1)]
    cells = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}" rx="2" fill="var({})"'
        ' fill-opacity="{}"><title>{}: {}</title></rect>',
        (
            (
                (day - start).days // 7 * STEP,
                day.weekday() * STEP,
                CELL,
                CELL,
                "--link-fg" if counts.get(day) else "--border-color",
                opacity(counts.get(day, 0), most),
                day.isoformat(),
                counts.get(day, 0),
            )
            for day in days
        ),
    )
    total = sum(counts.get(day, 0) for day in days)
    return format_html(
        '<svg {} aria-label="{} {} in {}">{}</svg>',
        frame(weeks * STEP, 7 * STEP),
        total,
        what,
        "a year" if weeks == YEAR else f"{weeks} weeks",
        cells,
    )


def frame(width: int, height: int) -> SafeString:
    """Return a picture's attributes: its size where there is room, else smaller."""
    return format_html(
        'role="img" width="{0}" height="{1}" viewBox="0 0 {0} {1}"'
        ' style="max-width: 100%; height: auto"',
        width,
        height,
    )


def opacity(count: int, most: int) -> float:
    """Return how dark a cell is: one of four shades, or faint for nothing."""
    if count == 0:
        return 0.5
    return round((1 + (SHADES - 1) * count // most) / SHADES, 2)


def bars(rows: Sequence[Bar], *, label: str) -> SafeString:
    """Return horizontal bars, the longest one as wide as the picture."""
    most = max((row.value for row in rows), default=0) or 1
    lines = format_html_join(
        "",
        '<text x="0" y="{}" fill="var(--body-fg)">{}</text>'
        '<rect x="130" y="{}" width="{}" height="16" rx="3" fill="var(--link-fg)"/>'
        '<text x="{}" y="{}" fill="var(--body-fg)">{}{}</text>',
        (
            (
                y + 14,
                row.label,
                y + 2,
                max(row.value, 0) * BAR_WIDTH // most,
                138 + max(row.value, 0) * BAR_WIDTH // most,
                y + 14,
                row.value,
                f" ({row.note})" if row.note else "",
            )
            for y, row in ((n * BAR_STEP, row) for n, row in enumerate(rows))
        ),
    )
    return format_html(
        '<svg {} aria-label="{}" font-size="13">{}</svg>',
        frame(WIDTH, len(rows) * BAR_STEP),
        label,
        lines,
    )
