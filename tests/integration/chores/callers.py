"""Processes that call one service at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any


class Callers:
    """Some processes with a connection each to one database."""

    def __init__(self, pipes: list[Connection]) -> None:
        self.pipes = pipes

    def call(self, service: str, args: tuple[Any, ...]) -> list[str]:
        """Let all call a service together; return what each was answered."""
        for pipe in self.pipes:
            pipe.send((service, args))
        return [pipe.recv() for pipe in self.pipes]


@contextmanager
def callers(database: str, number: int) -> Iterator[Callers]:
    """Start processes, and end them."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(number)
    pairs = [context.Pipe() for _ in range(number)]
    processes = [
        context.Process(target=answer, args=(theirs, barrier, database), daemon=True)
        for _, theirs in pairs
    ]
    for process in processes:
        process.start()
    try:
        yield Callers([ours for ours, _ in pairs])
    finally:
        for ours, _ in pairs:
            ours.send(None)
        for process in processes:
            process.join(10)


def answer(pipe: Connection, barrier: Any, database: str) -> None:
    """Call what is asked for, when all the others do."""
    import django

    django.setup()
    from django.core.exceptions import ValidationError
    from django.db import connection

    from chores.exceptions import ChoresError
    from tests.integration.chores.services import AGAIN, SERVICES

    connection.settings_dict["NAME"] = database
    while (order := pipe.recv()) is not None:
        name, args = order
        barrier.wait()
        try:
            ({**SERVICES, **AGAIN})[name].call(*args)
        except (ChoresError, ValidationError):
            pipe.send("refused")
        except Exception as error:
            pipe.send(repr(error))
        else:
            pipe.send("done")
    connection.close()
