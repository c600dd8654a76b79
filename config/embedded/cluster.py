"""One PostgreSQL cluster: made, started, stopped, and found as it was left."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from config.embedded import locks, processes
from config.embedded.exceptions import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from config.embedded.programs import Programs

DATABASE = "chores"
USER = "postgres"
PATIENCE = 120.0  # seconds to start or stop, crash recovery included
ORPHANS_MAY_TAKE = 1.0  # seconds until backends without a postmaster are ended
LOG_LINES = 20
ALWAYS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class State(Enum):
    """What can be said of the server before touching it."""

    STOPPED = "no process of it lives"
    READY = "it accepts connections"
    UNSETTLED = "it starts or stops, or its postmaster is dead and children are not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster below `home`, listening in the directory `socket` only.

    The server inherits a locked descriptor of `home`/server.lock. The kernel drops
    that lock with the last of its processes, so neither a stale postmaster.pid nor
    a zombie nor a copied directory is ever taken for a living server.
    """

    home: Path
    socket: Path
    programs: Programs
    settings: Mapping[str, str] = field(default_factory=dict)
    durable: bool = True

    @property
    def data(self) -> Path:
        """The data directory; absent until the cluster is whole."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """What the server wrote since it was last started."""
        return self.home / "log"

    @property
    def lock(self) -> Path:
        """Held by the server's processes as long as one of them lives."""
        return self.home / "server.lock"

    def make(self) -> None:
        """Make the cluster and its database; it appears whole or not at all."""
        partial = self.home / "data.partial"
        # The programs inherit the lock: they outlive us when we are killed.
        with locks.holding(self.lock) as descriptor:
            if partial.exists():
                shutil.rmtree(partial)
            partial.mkdir(mode=0o700)
            self.programs.account.own(partial)
            self._must("initdb", self._initdb_options(partial), keep=descriptor)
            self._must(
                "postgres",
                self._single_options(partial),
                keep=descriptor,
                stdin=f"CREATE DATABASE {DATABASE};\n",
            )
            partial.rename(self.data)

    def state(self) -> State:
        """Return what the server's lock and its pid file say."""
        if not locks.is_held_alone(self.lock):
            return State.STOPPED
        pid, status = self._pid_file()
        if pid and processes.alive(pid) and status in {"ready", "standby"}:
            return State.READY
        return State.UNSETTLED

    def start(self) -> None:
        """Start the server unless it is up, after ending what a crash left."""
        self._wait_until(lambda: self.state() is not State.UNSETTLED)
        if self.state() is State.STOPPED:
            self._launch()

    def stop(self) -> None:
        """Stop the server, ending its sessions, and wait for its last process."""
        pid, _ = self._pid_file()
        if not locks.is_held_alone(self.lock):
            return
        if pid and processes.alive(pid):
            os.kill(pid, signal.SIGINT)  # PostgreSQL's fast shutdown
        self._wait_until(lambda: not locks.is_held_alone(self.lock))

    def _launch(self) -> None:
        self._prepare_files()
        options = ["-D", str(self.data), "-l", str(self.log), "-w"]
        options += ["-t", str(int(PATIENCE)), "-o", self._server_options(), "start"]
        with locks.holding(self.lock) as descriptor:
            self._remove_stale_files()
            result = self.programs.run("pg_ctl", options, keep=[descriptor])
        if result.returncode:
            raise EmbeddedServerError(
                f"PostgreSQL {self.programs.major} did not start; the data in "
                f"{self.data} was not changed by us. {result.stderr.strip()}\n"
                f"The end of its log, {self.log}:\n{self._log_tail()}"
            )

    def _remove_stale_files(self) -> None:
        """Remove what would make the server believe in a living predecessor.

        It asks whether a process of that number exists; a zombie or a stranger does.
        """
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for stale in self.socket.glob(".s.PGSQL.*"):
            stale.unlink()

    def _prepare_files(self) -> None:
        """Begin a new log and see that the server can write where it must."""
        if self.log.exists():
            self.log.rename(self.log.with_suffix(".old"))
        self.log.touch(mode=0o600)
        self.socket.mkdir(mode=0o700, exist_ok=True)
        for path in (self.log, self.socket):
            self.programs.account.own(path)

    def _server_options(self) -> str:
        settings = {
            **ALWAYS,
            **self.settings,
            "unix_socket_directories": str(self.socket),
        }
        return shlex.join(
            part
            for name, value in settings.items()
            for part in ("-c", f"{name}={value}")
        )

    def _initdb_options(self, directory: Path) -> list[str]:
        options = ["-D", str(directory), "-U", USER, "--encoding=UTF8", "--locale=C"]
        options += ["--auth-local=trust", "--auth-host=reject"]
        if self.programs.major >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return options if self.durable else [*options, "--no-sync"]

    def _single_options(self, directory: Path) -> list[str]:
        options = ["--single", "-D", str(directory), "-c", "exit_on_error=on"]
        return [*options, "-c", f"fsync={'on' if self.durable else 'off'}", "postgres"]

    def _must(
        self, program: str, options: list[str], *, keep: int, stdin: str | None = None
    ) -> None:
        result = self.programs.run(program, options, stdin=stdin, keep=[keep])
        if result.returncode:
            raise EmbeddedServerError(
                f"{program} could not make a cluster in {self.home}: "
                f"{result.stderr.strip() or result.stdout.strip()}"
            )

    def _pid_file(self) -> tuple[int, str]:
        """Return the postmaster's pid and status; 0 and nothing when unknown."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return 0, ""
        pid = int(lines[0]) if lines else 0
        return pid, lines[7].strip() if len(lines) > 7 else ""

    def _wait_until(self, done: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not done():
            waited = time.monotonic() - began
            if waited > PATIENCE:
                raise EmbeddedServerError(
                    f"the server of {self.data} neither answers nor ends after "
                    f"{PATIENCE:.0f} s. The end of its log:\n{self._log_tail()}"
                )
            if waited > ORPHANS_MAY_TAKE:
                self._end_orphans()
            time.sleep(0.01)

    def _end_orphans(self) -> None:
        """Quit backends whose postmaster is dead; a busy one would run on for long."""
        pid, _ = self._pid_file()
        if pid and processes.alive(pid):
            return
        for orphan in processes.working_in(self.data):
            os.kill(orphan, signal.SIGQUIT)

    def _log_tail(self) -> str:
        try:
            return "\n".join(self.log.read_text().splitlines()[-LOG_LINES:])
        except FileNotFoundError:
            return "(there is no log)"
