"""All backups of a directory: a manifest makes one, a file alone does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from migrationops.backups import directory
from migrationops.backups import manifest as manifests
from migrationops.backups.manifest import Manifest
from migrationops.conf import Conf
from migrationops.exceptions import BackupError, ManifestError, MigrationOpsError
from migrationops.wording import many

_NAME = re.compile(r"backup-[A-Za-z0-9_-]+")
_PART = r"[a-z0-9_]+(\.[a-z0-9]+)*"  # as pg_dump names a directory's files


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A manifest that is there, and why no backup can be had of it.

    `gone`: for good, since whoever kept the rest has let it go.
    """

    id: str
    problem: str
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Complete backups, oldest first; what cannot be used; unfinished files."""

    backups: tuple[Manifest, ...]
    unusable: tuple[Unusable, ...] = ()
    leftovers: tuple[str, ...] = ()


def list_backups(path: Path, conf: Conf) -> Listing:
    """List a directory. Files' sizes are compared; verify reads their content."""
    backups: list[Manifest] = []
    unusable: list[Unusable] = []
    for identifier in _identifiers(path):
        try:
            backups.append(read(path, identifier, conf))
        except MigrationOpsError as exc:
            unusable.append(Unusable(id=identifier, problem=str(exc)))
    return Listing(
        backups=tuple(sorted(backups, key=lambda m: m.started)),
        unusable=tuple(unusable),
        leftovers=tuple(_leftovers(path)),
    )


def read(path: Path, identifier: str, conf: Conf, *, trust: bool = False) -> Manifest:
    """Read one manifest and see that its files are there, whole by their size.

    Raises ManifestError for a name or content that cannot be used, BackupError for
    a file that is absent or cut off.
    """
    check_name(identifier)
    with directory.open_file(path / f"{identifier}.json") as file:
        manifest = manifests.parse(file.read(), conf, trust=trust)
    _check_names(manifest, identifier)
    if manifest.format == "directory" and (path / manifest.archive).is_symlink():
        raise ManifestError(
            f"{manifest.archive} is a symbolic link; it was not read.",
            remedy="Look who put it there; then use another backup: manage.py "
            "backups list",
        )
    for item in manifest.files:
        with directory.open_file(path / item.name) as file:
            size = file.seek(0, 2)
        if size != item.size:
            raise BackupError(
                f"{item.name} has {size:,} bytes, its manifest says {item.size:,}: "
                "it is damaged. Nothing was changed.",
                remedy=f"Fetch its copy: manage.py backups fetch {identifier}"
                if manifest.copies
                else "Use another backup: manage.py backups list",
            )
    return manifest


def check_name(identifier: str) -> None:
    """Raise ManifestError for what is not the name of a backup, but a path, say."""
    if not _NAME.fullmatch(identifier):
        raise ManifestError(
            f"{identifier!r} is not the name of a backup; nothing was changed.",
            remedy="See: manage.py backups list",
        )


def find(
    path: Path,
    identifier: str | None,
    conf: Conf,
    database: str,
    *,
    trust: bool = False,
) -> Manifest:
    """Return the named backup, or this database's newest that is whole.

    Raises BackupError when there is none.
    """
    if identifier is not None:
        return read(path, identifier, conf, trust=trust)
    listing = list_backups(path, conf)
    own = [m for m in listing.backups if m.database == database and m.part is None]
    if own:
        return own[-1]
    if listing.unusable:
        raise BackupError(
            f"There is no usable backup of {database!r} in {path}: "
            f"{many(len(listing.unusable), 'manifest')} there cannot be used. Nothing "
            "was changed.",
            remedy="Why they cannot: manage.py backups list",
        )
    raise BackupError(
        f"There is no backup of {database!r} in {path}. Nothing was changed.",
        remedy="Where a storage has one: manage.py backups list --stored; a new one: "
        "manage.py backup",
    )


def fresh(listing: Listing, conf: Conf, database: str) -> Manifest | None:
    """Return the newest backup that is young and proven enough for the policy.

    In a protected environment only one that outlives this host is.
    """
    oldest = datetime.now(UTC) - timedelta(seconds=conf.policy.max_backup_age)
    for manifest in reversed(listing.backups):
        own = (manifest.database, manifest.environment) == (
            database,
            conf.environment.value,
        )
        enough = manifest.proof.level >= conf.policy.backup
        young = manifest.started >= oldest
        if (
            own
            and manifest.part is None
            and enough
            and young
            and _lasts(manifest, conf)
        ):
            return manifest
    return None


def _lasts(manifest: Manifest, conf: Conf) -> bool:
    """Tell whether it outlives this host, where it has to; its upload may have failed.

    A restore point is as safe as pgBackRest's repository, a pause as its standby.
    """
    if not conf.environment.is_protected:
        return True
    if manifest.is_of_cluster:
        kept = conf.pgbackrest if manifest.point else conf.standby
        return kept is not None and kept.outlives_host
    return conf.backup_dir_outlives_host or bool(manifest.copies)


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest: from now on the backup exists."""
    final = path / f"{manifest.id}.json"
    with directory.pending_file(final, replace=True) as pending:
        pending.file.write(manifests.serialise(manifest))
        pending.publish()


def _identifiers(path: Path) -> list[str]:
    return sorted(p.name.removesuffix(".json") for p in path.glob("backup-*.json"))


def _check_names(manifest: Manifest, identifier: str) -> None:
    """Refuse a manifest that speaks of files outside its own name."""
    names = [item.name for item in manifest.files]
    if manifest.format == "directory":
        part = re.compile(rf"{identifier}\.dump/{_PART}")
        fits = all(part.fullmatch(name) for name in names)
    else:
        fits = names == [manifest.archive]
    if manifest.id != identifier or not fits:
        raise ManifestError(
            f"The manifest of {identifier} names other files ({', '.join(names)}); "
            "nothing was changed.",
            remedy="Rename nothing in the backup directory; use another backup.",
        )


def _leftovers(path: Path) -> Iterator[str]:
    """Name what looks like a backup and has no manifest."""
    for file in sorted(path.glob("backup-*")):
        stem = file.name.split(".dump")[0]
        is_manifest = file.suffix == ".json"
        if not is_manifest and not (path / f"{stem}.json").exists():
            yield file.name
