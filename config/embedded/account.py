"""The operating system's account that PostgreSQL runs as."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config.embedded.exceptions import EmbeddedServerError

if TYPE_CHECKING:
    from pathlib import Path

# PostgreSQL refuses to run as root; no account is created for it.
CANDIDATES = ("postgres", "nobody")
# A shell (pg_ctl) or libpq reads these in a path as more than a letter.
SPECIAL = frozenset("\"'$`\\\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user and group; `switch` tells whether we have to become it."""

    uid: int
    gid: int
    name: str
    switch: bool

    def popen_options(self) -> dict[str, Any]:
        """Return the arguments that make subprocess start a program as this account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or directory to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Tell whether this account can enter every directory down to `path`."""
        if SPECIAL & set(str(path)):
            return False
        return not self.switch or all(
            self._enters(parent) for parent in (path, *path.parents) if parent.exists()
        )

    def _enters(self, directory: Path) -> bool:
        status = directory.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def current() -> Account:
    """Return the account of a new cluster: ourselves, or a lesser one than root."""
    uid = os.geteuid()
    if uid:
        return Account(uid=uid, gid=os.getegid(), name=name_of(uid), switch=False)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=name, switch=True)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and there is no account "
        f"{' or '.join(CANDIDATES)} to run it as. Create one, run this as another "
        "user, or set DATABASE_URL."
    )


def of(data: Path) -> Account:
    """Return the account that a cluster belongs to, or would be given."""
    if os.geteuid() or not data.exists():
        return current()
    status = data.stat()
    uid, gid = status.st_uid, status.st_gid
    return Account(uid=uid, gid=gid, name=name_of(uid), switch=True)


def name_of(uid: int) -> str:
    """Return the name of a user for a message."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
