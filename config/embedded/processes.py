"""What the kernel tells of server processes."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        # The name may hold blanks and brackets; the state follows the last bracket.
        state = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return not PROC.joinpath("self").exists()
    return state not in "ZX"


def working_in(directory: Path) -> list[int]:
    """Return the postgres processes whose working directory this is (Linux only)."""
    wanted = str(directory.resolve())
    return [
        int(entry.name)
        for entry in PROC.glob("[0-9]*")
        if _link(entry / "cwd") == wanted
        and Path(_link(entry / "exe").removesuffix(" (deleted)")).name == "postgres"
    ]


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
