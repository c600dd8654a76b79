"""How long a backup and its proof will take, and how much room: from real sizes.

Scaled from the newest backup of the same database, where there is one; else from
rates that a small server reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migrationops.backups import catalog
from migrationops.backups.contents import database_bytes
from migrationops.backups.manifest import Manifest
from migrationops.backups.part import Part
from migrationops.conf import Conf, Proof
from migrationops.postgres.databases import Connection

_START = 1.0  # seconds, however small the database
# Bytes of the database a second; what is decoded and counted is so during the dump.
_DUMP = 40e6
_PROOF = {Proof.RESTORED: 25e6}
_READ = 150e6  # what a proof on a standby reads
_COMPRESSED = 4  # a dump is this many times smaller than tables and indexes
# By pg_table_size() a locked table would be waited for.
_OWN_BYTES = """
SELECT pg_database_size(current_database()) - pg_database_size('template0')
"""
_WITH_WAL = 2  # a restored copy, and the WAL that it writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds in all; bytes now, in BACKUP_DIR, and on the proving server's disk.

    `basis` is the id of the earlier backup, or empty.
    """

    seconds: float
    database_bytes: int
    dump_bytes: int
    server_bytes: int
    basis: str = ""


def estimate(
    connection: Connection, conf: Conf, level: Proof, engine: str = "pg_dump"
) -> Estimate:
    """Estimate a backup of the connected database, proven to this level."""
    size = database_bytes(connection)
    if engine == "standby":
        seconds = _START + (size / _READ if level else 0)
        return Estimate(
            seconds=seconds, database_bytes=size, dump_bytes=0, server_bytes=0
        )
    earlier = _newest(conf, connection.info.dbname, engine)
    return Estimate(
        seconds=_dump_seconds(size, earlier) + _proof_seconds(size, earlier, level),
        database_bytes=size,
        dump_bytes=_dump_bytes(connection, size, earlier),
        server_bytes=size * _WITH_WAL if level >= Proof.RESTORED else 0,
        basis=earlier.id if earlier else "",
    )


def _newest(conf: Conf, database: str, engine: str) -> Manifest | None:
    place: Path | None = conf.backup_dir
    if place is None or not place.is_dir():
        return None
    listing = catalog.list_backups(place, conf)
    own = [
        m
        for m in listing.backups
        if (m.database, m.engine) == (database, engine) and m.part is None
    ]
    return own[-1] if own else None


def estimate_part(part: Part) -> Estimate:
    """Estimate the dump of some tables; no earlier one was of the same ones."""
    return Estimate(
        seconds=_START + part.bytes / _DUMP,
        database_bytes=part.bytes,
        dump_bytes=part.bytes // _COMPRESSED,
        server_bytes=0,
    )


def _dump_seconds(size: int, earlier: Manifest | None) -> float:
    if earlier is None:
        return _START + size / _DUMP
    return earlier.dump_seconds * size / earlier.database_bytes


def _proof_seconds(size: int, earlier: Manifest | None, level: Proof) -> float:
    if earlier and earlier.proof.level >= level:
        return earlier.proof.seconds * size / earlier.database_bytes
    return sum(size / rate for proof, rate in _PROOF.items() if proof <= level)


def _dump_bytes(connection: Connection, size: int, earlier: Manifest | None) -> int:
    if earlier:
        return int(earlier.size * size / earlier.database_bytes)
    row = connection.execute(_OWN_BYTES).fetchone()
    return max(int(row[0]), 0) // _COMPRESSED if row else 0
