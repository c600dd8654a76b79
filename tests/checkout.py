"""Copies of this project's configuration in other directories, with their servers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import IO, Any

import psycopg

from config.embedded import DEFAULT_MAJOR
from config.embedded.cluster import DATABASE, USER
from config.embedded.place import CHECKOUT, PORT
from config.embedded.sharing import SharedServer

PACKAGES = Path(psycopg.__file__).parents[1]
PROGRAM = Path(__file__).with_name("embedded_user.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A process that uses a checkout's server."""

    process: subprocess.Popen[str]

    def tell(self, expression: str) -> str:
        """Return what an expression is worth there; `ask` runs a statement."""
        self._pipe(self.process.stdin).write(f"{expression}\n")
        self._pipe(self.process.stdin).flush()
        return self.listen()

    def listen(self) -> str:
        """Return its next line."""
        return self._pipe(self.process.stdout).readline().strip()

    @property
    def ended(self) -> bool:
        """Tell whether it came to an end that was waited for."""
        return self.process.returncode is not None

    def leave(self) -> None:
        """Let it come to its end while a child of it lives on."""
        self._pipe(self.process.stdin).close()
        self.process.wait()
        self._pipe(self.process.stdout).close()
        self._pipe(self.process.stderr).close()

    def end(self) -> int:
        """Let it come to its end; return its exit code."""
        self.process.communicate()
        return self.process.returncode

    def errors(self) -> str:
        """Let it come to its end; return what it wrote to standard error."""
        return self.process.communicate()[1]

    def kill(self, signal: int) -> int:
        """End it by a signal."""
        self.process.send_signal(signal)
        return self.end()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe
        return pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A directory with a `config` of its own."""

    path: Path
    root: Path
    uid: int | None = None
    users: list[User] = field(default_factory=list)

    @classmethod
    def make(
        cls, name: str = "project", *, closed: bool = False, uid: int | None = None
    ) -> Checkout:
        """Copy `config` to a new directory, owned by `uid`.

        It lies below one that others may enter unless it is closed.
        """
        root = Path(tempfile.mkdtemp(prefix="checkout-"))
        root.chmod(0o700 if closed else 0o755)
        path = root / name
        path.mkdir(parents=True)
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / "config", path / "config", ignore=skip)
        if uid is not None:
            for entry in (path, *path.rglob("*")):
                os.chown(entry, uid, uid)
        return cls(path=path, root=root, uid=uid)

    def server(self, *, use: str = "test", major: int = DEFAULT_MAJOR) -> SharedServer:
        """Return its server, to be used by the process of the test."""
        return SharedServer.of(use, major=major, checkout=self.path)

    def spawn(
        self, *, major: int = DEFAULT_MAJOR, listen: bool = True, **options: Any
    ) -> User:
        """Start a process that connects; wait until it has, unless told not to."""
        program = PROGRAM.read_text()
        user = User(process=self._popen(["-c", program, str(major)], **options))
        self.users.append(user)
        if listen:
            assert user.listen() == DATABASE, user.errors()
        return user

    def command(self, *arguments: str, **options: Any) -> tuple[int, str, str]:
        """Run python with arguments; return exit code, output and errors."""
        process = self._popen(arguments, **options)
        out, err = process.communicate()
        return process.returncode, out, err

    def embedded(self, *arguments: str, **options: Any) -> tuple[int, str, str]:
        """Run `python -m config.embedded`."""
        return self.command("-m", "config.embedded", *arguments, **options)

    def remove(self) -> None:
        """End its users and remove everything of it."""
        self.end_users()
        self.embedded("remove")
        shutil.rmtree(self.root)

    def end_users(self) -> None:
        """End the processes that are left."""
        while self.users:
            user = self.users.pop()
            if not user.ended:
                user.kill(SIGKILL)

    def _popen(
        self, arguments: tuple[str, ...] | list[str], **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(interpreter(self.uid)), *arguments],
            cwd=self.path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(PACKAGES),
                **environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            **({} if self.uid is None else {"user": self.uid, "extra_groups": []}),
        )


def interpreter(uid: int | None) -> Path | None:
    """Return a Python that a user can run with our packages, if there is one."""
    if uid is None:
        return Path(sys.executable)
    for candidate in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [candidate, "-c", "import django, psycopg"],
                env={"PYTHONPATH": str(PACKAGES)},
                cwd="/",
                user=uid,
                extra_groups=[],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return Path(candidate)
    return None


def ask(server: SharedServer, statement: str) -> Any:
    """Run a statement in a server that runs; return the first value."""
    params = {"host": str(server.place.socket), "port": PORT, "user": USER}
    with psycopg.connect(dbname=DATABASE, autocommit=True, **params) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]
