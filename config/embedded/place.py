"""Where a server's files lie. Everything here is computed; `settle` writes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.embedded import account
from config.embedded.exceptions import EmbeddedServerError

CHECKOUT = Path(__file__).resolve().parents[2]
TEST_LOCK = CHECKOUT / "var" / "test.lock"  # held for the length of a test run
USES = {"development": "postgres", "test": "postgres-test"}
# Survives a reboot, unlike /tmp, and every account may enter it.
OUTSIDE = Path("/var/tmp")  # noqa: S108 (a private directory below it)
PORT = 5432
SOCKET_BYTES = 103


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The files of one server of one checkout.

    Locks lie in the checkout, always. Data and socket lie beside them unless the
    server's account could not use them there; then they lie outside, in a
    directory named after the checkout.
    """

    checkout: Path
    name: str
    data_outside: bool
    socket_outside: bool

    @classmethod
    def of(cls, use: str, *, major: int, checkout: Path = CHECKOUT) -> Self:
        """Return the place that was chosen, or the one that would be."""
        name = f"{USES[use]}-{major}"
        chosen = _read(checkout / "var" / name / "place", checkout)
        if chosen is None:
            data_outside = not account.current().reaches(_fixed_part(checkout))
            socket = checkout / "var" / name / "socket"
            chosen = data_outside, data_outside or not _addressable(socket)
        return cls(
            checkout=checkout,
            name=name,
            data_outside=chosen[0],
            socket_outside=chosen[1],
        )

    @property
    def var(self) -> Path:
        """The checkout's directory for files that are not in git."""
        return self.checkout / "var"

    @property
    def inside(self) -> Path:
        """The server's directory in the checkout."""
        return self.var / self.name

    @property
    def outside(self) -> Path:
        """This checkout's and this user's directory outside of the checkout."""
        return outside_of(self.checkout)

    @property
    def home(self) -> Path:
        """The directory of the cluster and its log."""
        return self.outside / self.name if self.data_outside else self.inside

    @property
    def socket(self) -> Path:
        """The directory of the server's socket."""
        base = self.outside / self.name if self.socket_outside else self.inside
        return base / "socket"

    def make(self) -> None:
        """Make the directory in the checkout, where the locks lie."""
        self.refuse_another_user()
        for directory in (self.var, self.inside):
            make_directory(directory)

    def settle(self) -> None:
        """Make the directories outside and write the choice down."""
        if self.data_outside or self.socket_outside:
            claim(self.outside, self.checkout)
            make_directory(self.outside / self.name)
        pointer = self.inside / "place"
        if _read(pointer, self.checkout) is None:
            choice = {
                "checkout": str(self.checkout),
                "data_outside": self.data_outside,
                "socket_outside": self.socket_outside,
            }
            _write(pointer, json.dumps(choice).encode())

    def refuse_another_user(self) -> None:
        """Raise EmbeddedServerError when another user of the system made it."""
        if self.inside.exists() and self.inside.stat().st_uid != os.geteuid():
            maker = account.name_of(self.inside.stat().st_uid)
            raise EmbeddedServerError(
                f"{self.inside} was made by {maker} and you are "
                f"{account.name_of(os.geteuid())}: nothing was changed. Run this as "
                f"{maker}, remove it as {maker} by `make clean`, or set DATABASE_URL."
            )

    def remove(self) -> None:
        """Remove the files of this server, and nothing that another one made."""
        self.refuse_another_user()
        if self.outside.exists():
            claim(self.outside, self.checkout)
            shutil.rmtree(self.outside / self.name, ignore_errors=True)
        shutil.rmtree(self.inside)


def outside_of(checkout: Path) -> Path:
    """Return the directory outside that this user and this checkout would have."""
    key = os.fsencode(f"{os.geteuid()}:{checkout}")
    return OUTSIDE / f"chores-{hashlib.sha256(key).hexdigest()[:16]}"


def claim(directory: Path, checkout: Path) -> None:
    """Make a directory outside ours, or see that it is.

    Raises EmbeddedServerError when somebody else made it.
    """
    make_directory(directory)
    mark = directory / "checkout"
    name = os.fsencode(checkout)
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{directory} belongs to somebody else: nothing was changed. "
            "Remove it, or set DATABASE_URL."
        )
    if not mark.exists():
        _write(mark, name)
    if mark.read_bytes() != name:
        raise EmbeddedServerError(
            f"{directory} belongs to {os.fsdecode(mark.read_bytes())}: nothing was "
            "changed. Move this checkout, or set DATABASE_URL."
        )


def remove_outside(checkout: Path = CHECKOUT) -> None:
    """Remove what this checkout has outside, copies of the programs included."""
    directory = outside_of(checkout)
    if directory.exists():
        claim(directory, checkout)
        shutil.rmtree(directory)


def make_directory(directory: Path) -> None:
    """Make a private directory; as root the server's account may pass through it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.stat()
    if status.st_uid == os.geteuid() == 0:
        directory.chmod(status.st_mode | 0o011)


def _fixed_part(checkout: Path) -> Path:
    """Return the path whose rights are not ours to mend."""
    var = checkout / "var"
    return var if var.exists() and var.stat().st_uid != os.geteuid() else checkout


def _addressable(socket: Path) -> bool:
    """Tell whether clients can name this directory; a comma divides hosts."""
    address = os.fsencode(socket / f".s.PGSQL.{PORT}")
    unusable = set(str(socket)) & ({","} | account.SPECIAL)
    return len(address) <= SOCKET_BYTES and not unusable


def _write(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.write_bytes(content)
    partial.rename(path)


def _read(pointer: Path, checkout: Path) -> tuple[bool, bool] | None:
    """Return the choice, unless it was made for another path (a copied checkout)."""
    try:
        choice = json.loads(pointer.read_text())
    except (OSError, ValueError):
        return None
    if choice["checkout"] != str(checkout):
        return None
    return choice["data_outside"], choice["socket_outside"]
