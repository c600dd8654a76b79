"""The file beside a backup that says what it holds; only it makes a backup.

Version 1; docs/reference/backups.md explains every key.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from migrationops.backups import signing
from migrationops.backups.contents import (
    AppliedMigration,
    Extension,
    Sequence,
    Table,
)
from migrationops.backups.counters import Counters, parse_counters
from migrationops.backups.part import Part, parse_part
from migrationops.backups.pause import Pause, parse_pause
from migrationops.backups.point import RestorePoint, parse_point
from migrationops.backups.proof_record import ProofRecord, parse_proof
from migrationops.conf import Conf
from migrationops.exceptions import ManifestError
from migrationops.postgres.properties import Properties, parse_properties

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the backup; its name begins at the directory of the manifest."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy in a storage, encrypted when its name ends with .age."""

    storage: str  # an alias of STORAGES
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that is known of one backup; times are UTC, sizes bytes."""

    id: str
    run: str
    environment: str
    database: str
    engine: str
    format: str
    compression: str
    server_version: str
    client_version: str
    snapshot: str
    lsn: str
    started: datetime
    finished: datetime
    database_bytes: int
    large_objects: int
    files: tuple[File, ...]
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    migrations: tuple[AppliedMigration, ...]
    extensions: tuple[Extension, ...]
    properties: Properties
    counters: Counters
    proof: ProofRecord = field(default_factory=ProofRecord)
    recipients: tuple[str, ...] = ()
    copies: tuple[Copy, ...] = ()
    point: RestorePoint | None = None  # of pgBackRest
    pause: Pause | None = None  # of a standby
    part: Part | None = None  # no whole backup
    invalid_indexes: tuple[str, ...] = ()  # of the live one
    key_id: str = ""
    signature: str = ""

    @property
    def size(self) -> int:
        return sum(f.size for f in self.files)

    @property
    def rows(self) -> int:
        return sum(t.rows for t in self.tables)

    @property
    def dump_seconds(self) -> float:
        return (self.finished - self.started).total_seconds()

    @property
    def is_of_cluster(self) -> bool:
        """Whether a whole cluster goes back by it, and by hand."""
        return self.point is not None or self.pause is not None

    @property
    def is_copied_as_proven(self) -> bool:
        """Whether the copies are the bytes that were proven, not their encryption."""
        return [c.sha256 for c in self.copies] == [f.sha256 for f in self.files]

    @property
    def has_statistics(self) -> bool:
        """Whether the archive holds the planner's statistics (pg_dump of 18)."""
        whole = self.engine == "pg_dump" and self.part is None
        return whole and self.server_major >= 18

    @property
    def left_out(self) -> tuple[str, ...]:
        """Name what pg_dump itself leaves out, for people."""
        names = self.invalid_indexes if self.engine == "pg_dump" else ()
        return tuple(f"INDEX {name}, which was INVALID" for name in names)

    @property
    def server_major(self) -> int:
        return int(self.server_version.split(".")[0])

    @property
    def archive(self) -> str:
        """The name of the file, or of the directory of files."""
        return f"{self.id}.dump"

    @property
    def file(self) -> File:
        """The archive, of a format that is one file."""
        return self.files[0]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, `version` first."""
        values = {"version": VERSION, **dataclasses.asdict(self)}
        plain: dict[str, Any] = json.loads(json.dumps(values, default=_plain))
        plain["proof"]["level"] = self.proof.level.name.lower()
        return plain


def sign(manifest: Manifest, conf: Conf) -> Manifest:
    """Return it with key_id and signature by the first of SIGNING_KEYS."""
    key = signing.keys(conf)[0]
    unsigned = replace(manifest, key_id=signing.key_id(key), signature="")
    return replace(unsigned, signature=signing.signature(unsigned.to_json(), key))


def serialise(manifest: Manifest) -> bytes:
    """Return the file's content."""
    return json.dumps(manifest.to_json(), indent=1, ensure_ascii=False).encode()


def parse(content: bytes, conf: Conf, *, trust: bool = False) -> Manifest:
    """Read a manifest; `trust` accepts one that no key of ours has signed.

    Raises ManifestError when it cannot be read, is of an unknown version, or does
    not carry the signature of one of SIGNING_KEYS.
    """
    data = _load(content)
    if not trust:
        signing.check(data, conf)
    try:
        return _build(data)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ManifestError(
            f"The manifest lacks or misstates a key ({exc}); nothing was changed.",
            remedy="Take another backup; see: manage.py backups list",
        ) from exc


def _load(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except ValueError as exc:
        raise ManifestError(
            f"The manifest is not JSON: {exc}.",
            remedy="Use another backup; see: manage.py backups list",
        ) from exc
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise ManifestError(
            f"The manifest is of version {version}; this release reads {VERSION}. "
            "Nothing was changed.",
            remedy="Use the release of migrationops that wrote it, or a newer one.",
        )
    return dict(data)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(value)


def _build(data: dict[str, Any]) -> Manifest:
    values = {k: v for k, v in data.items() if k != "version"}
    for key, kind in _LISTS.items():
        values[key] = _each(kind, values[key])
    values["started"] = datetime.fromisoformat(values["started"])
    values["finished"] = datetime.fromisoformat(values["finished"])
    values["properties"] = parse_properties(values["properties"])
    values["counters"] = parse_counters(values["counters"])
    values["proof"] = parse_proof(values["proof"])
    values["recipients"] = tuple(values["recipients"])
    values["point"] = parse_point(values.get("point"))
    values["pause"] = parse_pause(values.get("pause"))
    values["part"] = parse_part(values.get("part"))
    values["invalid_indexes"] = tuple(values.get("invalid_indexes", ()))
    return Manifest(**values)


_LISTS: dict[str, type] = {
    "files": File,
    "tables": Table,
    "sequences": Sequence,
    "migrations": AppliedMigration,
    "extensions": Extension,
    "copies": Copy,
}


def _each(kind: type, items: list[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**item) for item in items)
