"""A prepared interpreter that forks a process for each command: imports cost most.

What a command then reads for itself, environment, directory and settings, is its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import selectors
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def prepare() -> None:
    """Import what a command needs; nothing here connects to a database."""
    os.environ["DATABASE_URL"] = "postgres:///nowhere"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.project.settings"
    import django

    django.setup()
    from migrationops.management import commands

    for module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
        importlib.import_module(module.name)
    importlib.import_module("migrationops.workflows.stages")
    gc.freeze()  # what is here stays: no process need look through it


def serve(path: str) -> dict[str, Any] | None:
    """Fork for each request; return it in the new process, None when told to end."""
    with (
        selectors.DefaultSelector() as selector,
        socket.socket(socket.AF_UNIX) as server,
    ):
        server.bind(path)
        server.listen()
        selector.register(server, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return None
                if key.fileobj is not server:
                    selector.unregister(key.fileobj)
                    report(key.fd, *key.data)
                elif request := fork(server, selector):
                    return request


def fork(
    server: socket.socket, selector: selectors.BaseSelector
) -> dict[str, Any] | None:
    connection, _ = server.accept()
    data, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        selector.register(
            os.pidfd_open(pid), selectors.EVENT_READ, data=(pid, connection)
        )
        connection.sendall(f"{pid}\n".encode())
        return None
    connection.close()
    os.setpgid(0, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    request: dict[str, Any] = json.loads(data)
    return request


def report(descriptor: int, pid: int, connection: socket.socket) -> None:
    """Tell how a process ended, in Popen's way: negative for a signal."""
    _, status = os.waitpid(pid, 0)
    os.close(descriptor)
    with connection:
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def become(request: dict[str, Any]) -> None:
    """Be the process that was asked for."""
    from django.conf import empty, settings
    from django.db import connections

    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["directory"])
    sys.path[:0] = [request["directory"], *os.environ["PYTHONPATH"].split(":")]
    sys.argv = ["manage.py", *request["arguments"]]
    # A model's class asks for the default connection: read all of it anew.
    settings._wrapped = empty
    del sys.modules["tests.project.settings"], connections.settings
    connections.__init__()  # type: ignore[misc]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    prepare()
    if asked := serve(sys.argv[1]):
        become(asked)
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    else:
        shutil.rmtree(Path(sys.argv[1]).parent)
