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
            data_outside = not account.current().reaches(checkout)
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
        key = f"{os.geteuid()}:{self.checkout}".encode(errors="surrogateescape")
        return OUTSIDE / f"chores-{hashlib.sha256(key).hexdigest()[:16]}"

    @property
    def home(self) -> Path:
        """The directory of the cluster and its log."""
        return self.outside / self.name if self.data_outside else self.inside

    @property
    def socket(self) -> Path:
        """The directory of the server's socket."""
        base = self.outside / self.name if self.socket_outside else self.inside
        return base / "socket"

    def settle(self) -> None:
        """Make the directories and write the choice down."""
        for directory in (self.var, self.inside):
            _make(directory)
        if self.data_outside or self.socket_outside:
            claim(self.outside, self.checkout)
            _make(self.outside / self.name)
        pointer = self.inside / "place"
        if _read(pointer, self.checkout) is None:
            partial = pointer.with_suffix(".partial")
            choice = {
                "checkout": str(self.checkout),
                "data_outside": self.data_outside,
                "socket_outside": self.socket_outside,
            }
            partial.write_text(json.dumps(choice))
            partial.rename(pointer)

    def remove(self) -> None:
        """Remove the cluster and everything beside it, of this server only."""
        if self.data_outside or self.socket_outside:
            claim(self.outside, self.checkout)
            shutil.rmtree(self.outside / self.name)
            for programs in self.outside.glob("programs-*"):
                shutil.rmtree(programs)
            if not any(p for p in self.outside.iterdir() if p.name != "checkout"):
                shutil.rmtree(self.outside)
        shutil.rmtree(self.inside)


def claim(directory: Path, checkout: Path) -> None:
    """Make a directory outside ours, or see that it is.

    Raises EmbeddedServerError when somebody else made it.
    """
    _make(directory)
    mark = directory / "checkout"
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{directory} belongs to somebody else: nothing was changed. "
            "Remove it, or set DATABASE_URL."
        )
    if not mark.exists():
        mark.write_text(str(checkout))
    if mark.read_text() != str(checkout):
        raise EmbeddedServerError(
            f"{directory} belongs to the checkout {mark.read_text()}: nothing was "
            "changed. Move this checkout, or set DATABASE_URL."
        )


def _make(directory: Path) -> None:
    """Make a directory; as root its name can be passed through, not listed."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        directory.mkdir(mode=mode)
    except FileExistsError:
        return
    directory.chmod(mode)


def _addressable(socket: Path) -> bool:
    """Tell whether clients can name this directory; a comma divides hosts."""
    address = os.fsencode(socket / f".s.PGSQL.{PORT}")
    unusable = set(str(socket)) & ({","} | account.SPECIAL)
    return len(address) <= SOCKET_BYTES and not unusable


def _read(pointer: Path, checkout: Path) -> tuple[bool, bool] | None:
    """Return the choice, unless it was made for another path (a copied checkout)."""
    try:
        choice = json.loads(pointer.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if choice["checkout"] != str(checkout):
        return None
    return choice["data_outside"], choice["socket_outside"]
