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


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPrograms:
    """The real programs; pg_dump stops after 200 bytes until it is told to go on."""

    directory: Path

    @classmethod
    def make(cls, directory: Path, real: Path) -> SlowPrograms:
        directory.mkdir()
        for program in real.iterdir():
            directory.joinpath(program.name).symlink_to(program)
        dump = directory / "pg_dump"
        dump.unlink()
        dump.write_text(_SLOW_DUMP.format(real=real, directory=directory))
        dump.chmod(0o755)
        return cls(directory=directory)

    @property
    def started(self) -> Path:
        """A file with the process id of a dump in the middle."""
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
