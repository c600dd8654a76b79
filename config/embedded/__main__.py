"""Start, stop or remove this checkout's servers: python -m config.embedded ..."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

from config.embedded import DEFAULT_MAJOR, locks
from config.embedded.exceptions import EmbeddedServerError
from config.embedded.place import TEST_LOCK, USES, remove_outside
from config.embedded.programs import INSTALLATIONS
from config.embedded.sharing import SharedServer


def main(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return run(options.command, options.program)
    except (EmbeddedServerError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(prog="python -m config.embedded")
    result.add_argument("command", choices=["start", "stop", "remove", "hold"])
    result.add_argument("program", nargs=argparse.REMAINDER)
    return result


def run(command: str, program: list[str]) -> int:
    """Do what the command says to the servers it concerns."""
    match command:
        case "start":
            development().keep()
        case "hold":
            return hold(program)
        case "stop":
            stop()
        case _:
            remove()
    return 0


def hold(program: list[str]) -> int:
    """Run a program; the server, unless DATABASE_URL names another, runs as long."""
    if "DATABASE_URL" not in os.environ:
        development().ensure()
    # Ctrl-C is for the program; we end after it.
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.call(program)  # noqa: S603 (what the caller typed)


def stop() -> None:
    """Stop what runs."""
    for server in made():
        if server.stop():
            sys.stdout.write(f"stopped {server.place.name}\n")


def remove() -> None:
    """Stop and remove every server, or none while one of them is in use."""
    if TEST_LOCK.exists() and not locks.is_free(TEST_LOCK):
        raise EmbeddedServerError(
            "a test run of this checkout is under way: nothing was removed. "
            "Wait for its end and try again."
        )
    servers = made()
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server.unused())
        for server in servers:
            server.remove()
        remove_outside()


def development() -> SharedServer:
    """Return the development server of the version that PG names."""
    major = int(os.environ.get("PG", DEFAULT_MAJOR))
    return SharedServer.of("development", major=major)


def made() -> list[SharedServer]:
    """Return the servers that this checkout has."""
    every = [SharedServer.of(use, major=m) for use in USES for m in INSTALLATIONS]
    return [server for server in every if server.made()]


sys.exit(main(sys.argv[1:]))
