"""What keeps a rehearsal from reaching anything but its shadow database.

Installed in the child process before any of the project's code is imported. C code
that speaks to the network by itself (ctypes, dblink, a library) is not hindered.
"""

from __future__ import annotations

import _posixsubprocess
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

_PROGRAM = "subprocess.Popen"
_REFUSED = {
    "socket.connect",
    "socket.sendto",
    "socket.sendmsg",
    _PROGRAM,
    "os.system",
    "os.posix_spawn",
    "os.exec",
    "os.fork",
    "os.forkpty",
}


class RefusedInRehearsalError(PermissionError):
    """Not in a rehearsal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that was tried and not let through; `migration` may be blank."""

    what: str
    detail: str
    migration: str = ""

    def __str__(self) -> str:
        where = f"{self.migration}: " if self.migration else ""
        return f"{where}{self.what} {self.detail}".strip()

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class Isolation:
    """Refuses, and keeps what it refused; `allowed` are audit events let through."""

    database: str
    refusals: list[Refusal] = field(default_factory=list)
    migration: str = ""
    allowed: frozenset[str] = frozenset()

    def install(self) -> None:
        """Guard this process; it cannot be undone."""
        sys.addaudithook(self._audit)
        connect = psycopg.generators.connect
        # DESIGN: the one place where every connection of psycopg is made.
        setattr(psycopg.generators, "connect", self._guarded(connect))  # noqa: B010
        self._guard_psycopg2()
        self._guard_spawn()

    @contextmanager
    def during(self, migration: str, allowed: frozenset[str]) -> Iterator[None]:
        """Name the migration that runs, and what it asked to be let through."""
        self.migration, self.allowed = migration, allowed
        try:
            yield
        finally:
            self.migration, self.allowed = "", frozenset()

    def refuse(self, what: str, detail: str) -> RefusedInRehearsalError:
        """Note it; return what to raise."""
        refusal = Refusal(what=what, detail=detail, migration=self.migration)
        self.refusals.append(refusal)
        return RefusedInRehearsalError(f"refused in a rehearsal: {refusal}")

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _REFUSED and event not in self.allowed:
            raise self.refuse(event, _detail(event, args))

    def _guarded(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(conninfo: str, **options: Any) -> Any:
            name = conninfo_to_dict(conninfo).get("dbname")
            if name != self.database:
                raise self.refuse("connection to database", str(name))
            return connect(conninfo, **options)

        return guarded

    def _guard_psycopg2(self) -> None:
        try:
            import psycopg2  # type: ignore[import-untyped, import-not-found, unused-ignore]
        except ImportError:
            return
        connect = psycopg2._connect

        def guarded(dsn: str, *args: Any, **options: Any) -> Any:
            name = conninfo_to_dict(dsn, **options).get("dbname")
            if name != self.database:
                raise self.refuse("connection to database", str(name))
            return connect(dsn, *args, **options)

        psycopg2._connect = guarded

    def _guard_spawn(self) -> None:
        """multiprocessing starts processes past every audit event."""
        start = _posixsubprocess.fork_exec

        def guarded(args: Any, programs: Any, *rest: Any) -> int:
            if _PROGRAM not in self.allowed:
                raise self.refuse(_PROGRAM, os.fsdecode(programs[0]))
            return start(args, programs, *rest)

        setattr(_posixsubprocess, "fork_exec", guarded)  # noqa: B010


def _detail(event: str, args: tuple[Any, ...]) -> str:
    """Say where to; arguments of programs may hold secrets and are left out."""
    match event:
        case "socket.connect" | "socket.sendto":
            return str(args[1])
        case "subprocess.Popen" | "os.posix_spawn" | "os.exec":
            return str(args[0])
        case _:
            return ""


def allowed_events(migrations: Iterable[Any]) -> frozenset[str]:
    """Return the audit events that migrations declare to need."""
    return frozenset(
        event
        for migration in migrations
        for event in getattr(migration, "rehearsal_allows", ())
    )
