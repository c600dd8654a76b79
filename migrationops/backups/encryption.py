"""Encryption by age: to RECIPIENTS on the way out, by an identity on the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyrage

from migrationops.backups import directory
from migrationops.conf import Conf
from migrationops.exceptions import BackupError, ConfigurationError

_CHUNK = 1 << 20
_AGE = ".age"


def recipients(conf: Conf) -> list[Any]:
    try:
        return [pyrage.x25519.Recipient.from_str(r) for r in conf.recipients]
    except pyrage.RecipientError as exc:
        raise ConfigurationError(
            f'MIGRATIONOPS["RECIPIENTS"] has what is no age public key: {exc}. '
            "Nothing was changed."
        ) from exc


def identities(file: Path | None) -> list[Any]:
    """Read age's secret keys; none where there is no file."""
    if file is None:
        return []
    try:
        keys = [
            pyrage.x25519.Identity.from_str(line)
            for line in file.read_text().split()
            if line.startswith("AGE-SECRET-KEY-")
        ]
    except (OSError, ValueError, pyrage.IdentityError) as exc:
        raise _no_identity(file, str(exc)) from exc
    if not keys:
        raise _no_identity(file, "no line of it begins with AGE-SECRET-KEY-")
    return keys


def _no_identity(file: Path, why: str) -> BackupError:
    return BackupError(
        f"No age secret key can be read from {file}: {why}. Nothing was changed.",
        remedy="--identity FILE names the age key of one of its recipients.",
    )


@contextmanager
def sealed(place: Path, name: str, conf: Conf) -> Iterator[tuple[Path, str]]:
    """Give the file to send and its name; encrypted where there are recipients."""
    if not conf.recipients:
        yield place / name, name
        return
    with directory.pending_file(place / (name + _AGE)) as pending:
        with directory.open_file(place / name) as plain:
            pyrage.encrypt_io(plain, pending.file, recipients(conf))
        pending.file.flush()
        yield pending.path, name + _AGE


def unseal(stored: BinaryIO, target: BinaryIO, name: str, keys: list[Any]) -> None:
    if not name.endswith(_AGE):
        while chunk := stored.read(_CHUNK):
            target.write(chunk)
        return
    if not keys:
        raise BackupError(
            f"{name} is encrypted; nothing was changed.",
            remedy="--identity FILE names the age key of one of its recipients.",
        )
    try:
        pyrage.decrypt_io(stored, target, keys)
    except pyrage.DecryptError as exc:
        raise BackupError(
            f"{name} cannot be decrypted: {exc}. The database was not changed.",
            remedy="--identity FILE names the secret key of one of its recipients "
            "(manage.py backups list --stored --json has them); with the right one, "
            "the copy is damaged: fetch another.",
        ) from exc
