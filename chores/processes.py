"""Values that are made in a process of their own, on another processor."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import django
from django.utils.module_loading import import_string


class ProducerError(Exception):
    """The process that makes values ended before it had made them all."""


def produced(path: str, *args: Any) -> Iterator[Any]:
    """Yield what the function at a path yields for plain values, one ahead.

    The process starts from nothing, so that it shares no connection and no lock, and
    it ends with its reader, however that ends. Raises ProducerError when it fails.
    """
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=send, args=(writer, path, args), daemon=True)
    process.start()
    writer.close()
    try:
        while (value := reader.recv()) is not None:
            yield value
    except EOFError:
        process.join()
        raise ProducerError(f"{path} ended with {process.exitcode}.") from None
    finally:
        reader.close()
        process.join()


def send(writer: Connection, path: str, args: tuple[Any, ...]) -> None:
    """Send each value of a function, and None at the end; nobody may be listening."""
    django.setup()
    try:
        for value in import_string(path)(*args):
            writer.send(value)
        writer.send(None)
    except BrokenPipeError:
        writer.close()
