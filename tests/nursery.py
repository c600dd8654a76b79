"""Processes forked from a prepared interpreter; for the rest as subprocess's."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TextIO

ROOT = Path(__file__).resolve().parents[1]


class Forked:
    """What the tests use of subprocess.Popen."""

    def __init__(
        self,
        args: Sequence[str],
        connection: socket.socket,
        stdout: TextIO,
        stderr: TextIO,
    ) -> None:
        self.args = args
        self.stdout, self.stderr = stdout, stderr
        self.returncode: int | None = None
        self._connection = connection
        self._answers = connection.makefile()
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._connection.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        texts = {"out": "", "err": ""}

        def read(name: str, stream: TextIO) -> None:
            with stream:
                texts[name] = stream.read()

        streams = {"out": self.stdout, "err": self.stderr}
        readers = [Thread(target=read, args=item) for item in streams.items()]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return texts["out"], texts["err"]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _nursery() -> str:
    """Start the prepared interpreter; it ends with us, however we end."""
    path = f"{tempfile.mkdtemp(prefix='nursery-')}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.project.nursery", path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    )
    atexit.register(process.communicate, b"")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return path


def start(
    arguments: Sequence[str], *, environ: Mapping[str, str], directory: Path
) -> Forked:
    """Start a command as a process of its own, in a process group of its own."""
    request = {
        "arguments": list(arguments),
        "environ": dict(environ),
        "directory": str(directory),
    }
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(_nursery())
    out, err = os.pipe(), os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    theirs = [nothing, out[1], err[1]]
    socket.send_fds(connection, [json.dumps(request).encode()], theirs)
    for descriptor in theirs:
        os.close(descriptor)
    return Forked(arguments, connection, os.fdopen(out[0]), os.fdopen(err[0]))
