"""How long our modules and functions are, as a table; see tests/sources.py."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.sources import PACKAGES, Module, modules


def row(name: str, found: list[Module]) -> str:
    """Return median, 90th percentile and maximum of module and function lines."""
    lengths = [m.lines for m in found if m.path.name != "__init__.py"]
    functions = [lines for m in found for _, lines in m.functions]
    total = sum(m.lines for m in found)
    return f"| `{name}` | {total} | {spread(lengths)} | {spread(functions)} |"


def spread(lengths: list[int]) -> str:
    tenths = statistics.quantiles(lengths, n=10)
    return f"{statistics.median(lengths):.0f} / {tenths[-1]:.0f} / {max(lengths)}"


print(
    "| package | lines | modules: median / p90 / max | functions: median / p90 / max |"
)
print("| --- | --- | --- | --- |")
for package in (*PACKAGES, "tests"):
    print(row(package, [m for m in modules(package) if not m.is_migration]))
