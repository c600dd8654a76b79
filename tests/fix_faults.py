"""The fault matrix as a table: printed, and kept where --record-faults says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sources import ROOT

Key = tuple[int, str, str, str]

INTRODUCTION = """# The fault matrix

Written by `make test-faults`.

A deploy with a step of every kind (an atomic migration, a non-atomic one that mixes
schema operations and RunPython, an index built concurrently, a Backfill, a RunPython)
comes to a row of its journal, and before that row is committed the fault happens. A
cell is the exit code of the disturbed run, -9 where it was killed; what it said of the
database was compared with the database. Then `safe_migrate` ran once more: catalog,
rows, records and permissions were compared with an undisturbed run's, and nothing may
lie about: no INVALID index, no shadow database, no half backup, no open run, no
session, no setting of a role or the database. A cell with ✗ differed.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-faults", metavar="FILE", help="Where the table is kept.")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    reports = [
        report
        for category in ("passed", "failed")
        for report in terminalreporter.stats.get(category, [])
        if report.when == "call"
    ]
    cells = {key: value for report in reports for key, value in _cells(report)}
    if not cells:
        return
    terminalreporter.write_line(table(cells))
    path = config.getoption("--record-faults")
    if path and not is_whole(cells, reports):
        terminalreporter.write_line(
            f"{path} is as it was: only a part of the matrix ran"
        )
    elif path:
        others = [r for r in reports if not list(_cells(r))]
        Path(path).write_text(f"{INTRODUCTION}\n{_heading(others)}\n\n{table(cells)}\n")


def is_whole(cells: dict[Key, str], reports: Iterable[pytest.TestReport]) -> bool:
    """Whether every cell that the matrix has was seen, whoever ran it."""
    sizes = {
        value for r in reports for name, value in r.user_properties if name == "of"
    }
    return sizes == {len(cells)}


def _cells(report: pytest.TestReport) -> list[tuple[Key, str]]:
    """Return the cell that a test was: its step, boundary and fault, and its end."""
    return [
        (
            (cell["number"], cell["step"], cell["state"], cell["fault"]),
            _end(report, cell),
        )
        for name, cell in report.user_properties
        if name == "cell" and isinstance(cell, dict)
    ]


def _end(report: pytest.TestReport, cell: dict[str, object]) -> str:
    return str(cell["code"]) if report.passed else f"{cell['code']} ✗"


def table(cells: dict[Key, str]) -> str:
    """Return boundaries as rows, faults as columns."""
    faults = sorted({fault for *_, fault in cells})
    order = {"started": 0, "done": 1}
    points = sorted({key[:3] for key in cells}, key=lambda p: (p[0], order[p[2]]))
    lines = [
        f"| step | before its row is | {' | '.join(faults)} |",
        f"|---|---|{'---|' * len(faults)}",
    ]
    for number, step, state in points:
        ends = (cells.get((number, step, state, fault), "") for fault in faults)
        lines.append(f"| {number} `{step}` | {state} | {' | '.join(ends)} |")
    return "\n".join(lines)


def _heading(others: list[pytest.TestReport]) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    beside = (
        f" {sum(r.passed for r in others)} of {len(others)} other tests of this tier"
    )
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}." + (
        f"{beside} passed with it." if others else ""
    )
