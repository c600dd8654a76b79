"""Who uses a server: it starts with its first user and stops with its last.

A user is a process. It holds a shared lock for life, which the kernel drops even
when it is killed. Whether to start or to stop is decided under a second lock.
"""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from config.embedded import account, locks
from config.embedded.cluster import Cluster, State
from config.embedded.exceptions import EmbeddedServerError
from config.embedded.place import CHECKOUT, Place
from config.embedded.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = {
    "development": {},
    "test": {"fsync": "off", "full_page_writes": "off"},
}

# The locks this process holds, by server. A fork takes its own.
_held: dict[Path, int] = {}
_guard = threading.RLock()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedServer:
    """One of this checkout's servers."""

    use: str
    major: int
    place: Place

    @classmethod
    def of(cls, use: str, *, major: int, checkout: Path = CHECKOUT) -> Self:
        """Return a checkout's server for a use, development or test."""
        where = Place.of(use, major=major, checkout=checkout)
        return cls(use=use, major=major, place=where)

    def ensure(self) -> None:
        """Make this process a user, and the server run."""
        with _guard:
            if self.place.inside in _held and self.cluster().state() is State.READY:
                return
            try:
                self._start()
            except OSError as error:
                raise EmbeddedServerError(
                    f"the embedded server of {self.place.checkout} cannot be used: "
                    f"{error}. Mend that, or set DATABASE_URL."
                ) from error

    def keep(self) -> None:
        """Let the server run on when its last user leaves."""
        self.ensure()
        self._kept.touch()

    def leave(self) -> None:
        """Stop being a user; the last one out stops the server."""
        with _guard:
            descriptor = _held.pop(self.place.inside, None)
            if descriptor is None:
                return
            os.close(descriptor)
            if not self.made():
                return
            with locks.holding(self._decision):
                if locks.is_free(self._users) and not self._kept.exists():
                    self.cluster().stop()

    def stop(self) -> bool:
        """Stop the server, whoever uses it. Tell whether it ran."""
        if not self.made():
            return False
        self.place.refuse_another_user()
        with locks.holding(self._decision):
            self._kept.unlink(missing_ok=True)
            if not self._data.exists():
                return False
            cluster = self.cluster()
            ran = cluster.state() is not State.STOPPED
            cluster.stop()
            return ran

    @contextmanager
    def unused(self) -> Iterator[None]:
        """Keep users and starters away. Raise EmbeddedServerError if there is one."""
        self.place.refuse_another_user()
        with locks.holding(self._decision):
            if not locks.is_free(self._users):
                raise EmbeddedServerError(
                    f"{self.place.inside} is in use by a running process: nothing was "
                    "removed. End it (a development server, a shell, a test run) and "
                    "try again."
                )
            yield

    def remove(self) -> None:
        """Stop the server and remove its files; call it while it is `unused`."""
        if self._data.exists():
            self.cluster().stop()
        self.place.remove()

    def made(self) -> bool:
        """Tell whether anything was ever made of it, and not removed."""
        return self.place.inside.exists()

    def cluster(self) -> Cluster:
        """Return the cluster, to be run by the account that it belongs to."""
        runner = account.of(self._data)
        return Cluster(
            home=self.place.home,
            socket=self.place.socket,
            programs=Programs(
                major=self.major, account=runner, outside=self.place.outside
            ),
            settings=SETTINGS[self.use],
            durable=self.use != "test",
        )

    @property
    def _data(self) -> Path:
        return self.place.home / "data"

    @property
    def _decision(self) -> Path:
        return self.place.inside / "start.lock"

    @property
    def _users(self) -> Path:
        return self.place.inside / "users.lock"

    @property
    def _kept(self) -> Path:
        return self.place.inside / "kept"

    def _start(self) -> None:
        self.place.make()
        with locks.holding(self._decision):
            self.place.settle()
            self._join()
            cluster = self.cluster()
            if not cluster.data.exists():
                cluster.make()
            cluster.start()

    def _join(self) -> None:
        if self.place.inside in _held:
            return
        descriptor = locks.take(self._users, shared=True, wait=False)
        if descriptor is None:
            raise EmbeddedServerError(f"{self._users} is held alone by somebody.")
        _held[self.place.inside] = descriptor
        atexit.register(self.leave)


def _forget() -> None:
    """In a forked child: close what is the parent's, without unlocking it."""
    global _guard
    _guard = threading.RLock()
    while _held:
        os.close(_held.popitem()[1])


os.register_at_fork(after_in_child=_forget)
