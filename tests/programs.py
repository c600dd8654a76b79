"""Client programs that take their time, so that a test can act in the middle."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_SLOW_DUMP = """#!/bin/sh
case "$*" in
    *--snapshot=*) ;;
    *) exec {real}/pg_dump "$@" ;;
esac
echo "$*" > {directory}/arguments
{real}/pg_dump "$@" | {{
    head -c 200
    echo $$ > {directory}/started.partial
    mv {directory}/started.partial {directory}/started
    while [ ! -e {directory}/go ]; do sleep 0.1; done
    cat
}}
"""

# What asks for its version, or whether it can compress, is answered at once.
_LATE_DUMP = """#!/bin/sh
case "$*" in
    --version|-Fc*) exec {real}/pg_dump "$@" ;;
esac
touch {directory}/started
while [ ! -e {directory}/go ]; do sleep 0.02; done
exec {real}/pg_dump "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPrograms:
    """The real programs; pg_dump stops after 200 bytes until it is told to go on.

    A late one stops before it begins, and has then not connected.
    """

    directory: Path

    @classmethod
    def make(cls, directory: Path, real: Path, *, late: bool = False) -> SlowPrograms:
        directory.mkdir()
        for program in real.iterdir():
            directory.joinpath(program.name).symlink_to(program)
        dump = directory / "pg_dump"
        dump.unlink()
        script = _LATE_DUMP if late else _SLOW_DUMP
        dump.write_text(script.format(real=real, directory=directory))
        dump.chmod(0o755)
        return cls(directory=directory)

    @property
    def started(self) -> Path:
        """A file with the process id of a dump in the middle; empty of a late one."""
        return self.directory / "started"

    @property
    def arguments(self) -> str:
        """What the dump was called with."""
        return (self.directory / "arguments").read_text()

    def go_on(self) -> None:
        """Let the dump, and every later one, run to its end."""
        (self.directory / "go").touch()


def wait_for_file(path: Path) -> str:
    """Wait until the file is there; return what it says."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)
    return path.read_text()
