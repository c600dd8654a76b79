"""PostgreSQL's client programs: found by major version, run under supervision.

The only user of subprocess. A child gets a process group of its own (a terminal's
Ctrl-C does not reach it), is ended when its parent dies, and sees passwords in its
environment only, never in its arguments.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from psycopg import pq

from migrationops.exceptions import ToolFailedError, ToolMissingError

CHUNK = 1 << 18  # bytes a piece
PIPE = 1 << 20  # bytes that a pipe holds, so that its writer need not wait for us
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_IS_NOISE = re.compile(r"pg_\w+: (?!error|fatal|warning|detail|hint)")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_ENVVARS = {
    option.keyword.decode(): option.envvar.decode()
    for option in pq.Conninfo.get_defaults()
    if option.envvar
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """A directory of client programs, all of one version; `prefix` says as whom."""

    directory: Path
    version: str
    prefix: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def path(self, name: str) -> str:
        return str(self.directory / name)


@dataclass(frozen=True, slots=True)
class Child:
    """A running program whose output is read through a pipe."""

    stdout: IO[bytes]
    stderr: IO[bytes]
    name: str

    def chunks(self) -> Iterator[bytes]:
        """Yield the output in pieces of CHUNK bytes: it comes in less."""
        while chunk := self.stdout.read(CHUNK):
            yield chunk

    def messages(self, since: int = 0) -> str:
        """Return what it wrote to stderr from this offset on."""
        size = os.fstat(self.stderr.fileno()).st_size - since
        return os.pread(self.stderr.fileno(), max(size, 0), since).decode(
            errors="replace"
        )


def find_programs(major: int, directories: Sequence[Path]) -> Programs:
    """Return the programs of the server's major version.

    Looks in `directories`, PATH and Debian's places, in this order. A newer
    pg_dump's archive cannot go back to an older server: the majors must be equal.

    Raises ToolMissingError, naming what was found and what to install.
    """
    found: list[Programs] = []
    for programs in filter(None, map(_programs, _places(directories))):
        if programs.major == major:  # look no further: each is a program started
            return programs
        found.append(programs)
    seen = ", ".join(f"{p.version} in {p.directory}" for p in found) or "none"
    raise ToolMissingError(
        f"The server is PostgreSQL {major}, which needs client programs "
        f"(pg_dump, pg_restore) of version {major}; found: {seen}. "
        "Nothing was changed.",
        remedy=f"Install postgresql-client-{major} (Debian, Ubuntu) or name its "
        'directory in MIGRATIONOPS["PG_BIN"].',
    )


def environment(params: Mapping[str, Any], **extra: str) -> dict[str, str]:
    """Return a child's environment: libpq's parameters, and no other PG variable.

    client_encoding is left out: a dump keeps the database's own encoding.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    ours = {
        _ENVVARS[key]: str(value)
        for key, value in params.items()
        if key in _ENVVARS and key != "client_encoding" and value is not None
    }
    return {**inherited, "LC_ALL": "C", **ours, **extra}


def run(
    programs: Programs,
    name: str,
    *arguments: str,
    environment: Mapping[str, str],
    stdin: IO[bytes] | None = None,
    timeout: float | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Raises ToolFailedError when it fails or takes longer than `timeout` seconds.
    """
    with stream(
        programs,
        name,
        *arguments,
        environment=environment,
        stdin=stdin,
        timeout=timeout,
    ) as child:
        return b"".join(child.chunks()).decode(errors="replace")


@contextmanager
def stream(
    programs: Programs,
    name: str,
    *arguments: str,
    environment: Mapping[str, str],
    stdin: IO[bytes] | None = None,
    timeout: float | None = None,
) -> Iterator[Child]:
    """Run a program and give its output as it comes.

    Leaving the block waits for its end; leaving it by an exception ends the
    program first. Raises ToolFailedError when it ended badly, or when it was still
    running after `timeout` seconds.
    """
    with tempfile.TemporaryFile() as stderr:
        command = [*programs.prefix, programs.path(name), *arguments]
        process = _start(command, environment, stdin, stderr)
        assert process.stdout is not None
        child = Child(process.stdout, stderr, name)
        with process.stdout:  # to close it waits for whoever reads: end that first
            try:
                with _deadline(process, timeout) as expired:
                    yield child
                    process.stdout.close()
                    process.wait()
            finally:
                _end(process)
        _check(process.returncode, child, timeout if expired.is_set() else None)


def _places(directories: Sequence[Path]) -> list[Path]:
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return list(dict.fromkeys([*directories, *map(Path, path), *debian]))


@cache
def _programs(directory: Path) -> Programs | None:
    program = directory / "pg_dump"
    if not os.access(program, os.X_OK):
        return None
    result = subprocess.run(  # noqa: S603 - a program of the settings' or PATH's
        [program, "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+[\w.]*)", result.stdout)
    return Programs(directory=directory, version=match[1]) if match else None


def _start(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdin: IO[bytes] | None,
    stderr: IO[bytes],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - no shell; ours alone
            command,
            env=environment,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pipesize=PIPE,
            process_group=0,
            preexec_fn=_die_with_parent(os.getpid()),
        )
    except OSError as exc:
        raise ToolFailedError(f"{command[0]} cannot be started: {exc}") from exc


def _die_with_parent(parent: int) -> Any:
    """Return what a new child runs before its program (Linux)."""

    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return prepare


@contextmanager
def _deadline(
    process: subprocess.Popen[bytes], timeout: float | None
) -> Iterator[threading.Event]:
    """End the program after `timeout` seconds; the event then is set."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _signal(process, signal.SIGKILL)

    timer = threading.Timer(timeout or 0, expire)
    timer.daemon = True  # ours must not outlive a run that a signal ended
    try:  # start() waits for the thread: that is where a signal comes
        if timeout:
            timer.start()
        yield expired
    finally:
        timer.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program's group, if it still runs, and reap it."""
    if process.poll() is not None:
        return
    with suppress(PermissionError):  # sudo is root's: it comes to its own end
        _signal(process, signal.SIGTERM)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], signum: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signum)


def _check(returncode: int, child: Child, timeout: float | None) -> None:
    if timeout is not None:
        raise ToolFailedError(f"{child.name} was ended after {timeout:.0f} s.")
    if returncode:
        lines = [x for x in child.messages().splitlines() if not _IS_NOISE.match(x)]
        text = "\n".join(lines[-5:])
        raise ToolFailedError(f"{child.name} ended with {returncode}: {text}")
