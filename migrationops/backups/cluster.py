"""The server's side of a physical backup: its WAL, and what is read of a copy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from migrationops.backups import contents
from migrationops.backups.directory import PendingFile
from migrationops.backups.engine import Job
from migrationops.backups.manifest import File, Manifest
from migrationops.backups.point import RestorePoint
from migrationops.backups.repository import Base
from migrationops.exceptions import BackupError, PreconditionError
from migrationops.postgres.databases import Connection
from migrationops.stanza import Stanza

_STANDING = """
SELECT (SELECT system_identifier::text FROM pg_control_system()),
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,
       current_setting('archive_mode'),
       has_function_privilege('pg_create_restore_point(text)', 'EXECUTE'),
       last_failed_wal, last_failed_time
FROM (
    SELECT CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity')
           THEN last_failed_wal END AS last_failed_wal, last_failed_time
    FROM pg_stat_archiver
) archiver
"""
_POINT = """
SELECT pg_create_restore_point(%s)::text,
       (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
       (SELECT array_agg(datname::text ORDER BY datname) FROM pg_database
        WHERE NOT datistemplate)
"""

_UNLOGGED = """
SELECT n.nspname, c.relname FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence = 'u'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A cluster, and the timeline that it writes."""

    system_id: str
    timeline: int


def read_standing(connection: Connection) -> Standing:
    """Read it; raise PreconditionError where no restore point can be archived."""
    row = connection.execute(_STANDING).fetchone()
    assert row is not None
    system_id, timeline, archive_mode, may_create, failed_wal, failed_at = row
    if archive_mode == "off":
        raise PreconditionError(
            "The server archives no WAL (archive_mode is off): there is nothing that "
            "a cluster could be taken forward by. Nothing was changed.",
            remedy="Set archive_mode and archive_command as pgBackRest's manual says, "
            "and restart the server.",
        )
    if failed_wal:
        raise PreconditionError(
            f"The server's archive_command fails: {failed_wal} could not be archived "
            f"at {failed_at:%Y-%m-%d %H:%M:%S %Z}. Nothing was changed.",
            remedy="The server's log says why; wait until it has caught up.",
        )
    if not may_create:
        raise PreconditionError(
            "This role may not create restore points. Nothing was changed.",
            remedy="As a superuser: GRANT EXECUTE ON FUNCTION "
            "pg_create_restore_point(text) TO the role.",
        )
    return Standing(system_id=system_id, timeline=timeline)


def create_point(
    connection: Connection,
    name: str,
    *,
    stanza: Stanza,
    standing: Standing,
    base: Base,
    version: str,
) -> RestorePoint:
    """Write the name into the WAL: the WAL file that it is in is not archived yet."""
    row = connection.execute(_POINT, [name]).fetchone()
    assert row is not None
    lsn, segment_bytes, databases = row
    return RestorePoint(
        name=name,
        lsn=lsn,
        timeline=standing.timeline,
        system_id=standing.system_id,
        databases=tuple(databases),
        stanza=stanza.stanza,
        label=base.label,
        wal_segment_bytes=segment_bytes,
        cluster_bytes=base.cluster_bytes,
        repository_bytes=base.repository_bytes,
        version=version,
    )


def point_name(run: str) -> str:
    """Return a name that no other point has: recovery stops at the first of a name."""
    return (
        f"migrationops-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{run.replace('-', '')[:12]}"
    )


def write_text(job: Job, text: str) -> File:
    """Write the way back; one job has one file: take_backup sees to it."""
    assert isinstance(job.pending, PendingFile)
    data = text.encode()
    job.pending.file.write(data)
    job.pending.flush()
    digest = hashlib.sha256(data).hexdigest()
    return File(name=job.pending.final.name, size=len(data), sha256=digest)


def read_every_row(connection: Connection, manifest: Manifest) -> int:
    """Count every row; a standby cannot read unlogged tables, which are empty there."""
    found = {(m.app, m.name) for m in contents.read_migrations(connection)}
    if found != {(m.app, m.name) for m in manifest.migrations}:
        raise BackupError(
            f"The copy that {manifest.id} names records other migrations than the "
            "manifest. The database was not changed.",
            remedy="Take another backup; if it differs too, see the server's archive.",
        )
    unlogged = set(connection.execute(_UNLOGGED).fetchall())
    tables = contents.count_tables(
        connection,
        [
            relation
            for relation in contents.read_relations(connection)
            if (relation.schema, relation.name) not in unlogged
        ],
    )
    return sum(table.rows for table in tables)
