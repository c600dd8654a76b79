"""Start, stop or remove this checkout's servers: python -m config.embedded ..."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from config.embedded import DEFAULT_MAJOR
from config.embedded.exceptions import EmbeddedServerError
from config.embedded.place import USES
from config.embedded.programs import INSTALLATIONS
from config.embedded.sharing import SharedServer


def main(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return run(options.command, options.program)
    except EmbeddedServerError as error:
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
            development().ensure()
            return subprocess.call(program)  # noqa: S603 (what the caller typed)
        case "stop":
            stop()
        case _:
            remove()
    return 0


def stop() -> None:
    """Stop what runs."""
    for server in servers():
        if server.stop():
            sys.stdout.write(f"stopped {server.place.name}\n")


def remove() -> None:
    """Stop every server and remove its data, unless somebody uses one."""
    made = [server for server in servers() if server.exists()]
    for server in made:
        server.refuse_if_used()
    for server in made:
        server.stop()
        server.place.remove()


def development() -> SharedServer:
    """Return the development server of the version that PG names."""
    major = int(os.environ.get("PG", DEFAULT_MAJOR))
    return SharedServer.of("development", major=major)


def servers() -> list[SharedServer]:
    """Return every server that this checkout can have."""
    return [SharedServer.of(use, major=m) for use in USES for m in INSTALLATIONS]


sys.exit(main(sys.argv[1:]))
