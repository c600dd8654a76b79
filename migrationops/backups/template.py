"""A copy of the whole database on the same server, in seconds: for development.

PostgreSQL copies only what nobody is connected to, the copy is lost with its server,
and its files are copied between two checkpoints: no way for a database in use. The
archive names the copy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from django.db import connections
from psycopg import errors, sql

from migrationops.backups import contents, derived, space
from migrationops.backups.contents import Table
from migrationops.backups.derived import Derived, Role
from migrationops.backups.directory import PendingFile
from migrationops.backups.draft import Before, Copied, describe, read_before
from migrationops.backups.engine import LARGE_OBJECTS, Job, RestoreTask, Taken
from migrationops.backups.manifest import File, Manifest
from migrationops.backups.source import Source
from migrationops.exceptions import BackupError, PreconditionError
from migrationops.postgres import beside
from migrationops.postgres.databases import Connection

# Who finds it does not write there; settings and grants are not copied back.
_CLOSE = (
    "REVOKE ALL ON DATABASE {} FROM PUBLIC",
    "ALTER DATABASE {} SET default_transaction_read_only = on",
)
_LSN = "SELECT pg_current_wal_lsn()::text"
_SESSIONS = """
SELECT pid, usename, application_name FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid()
"""
_OID = "SELECT oid::bigint FROM pg_database WHERE datname = %s"
_COMMENT = """
SELECT coalesce(shobj_description(oid, 'pg_database'), '')
FROM pg_database WHERE datname = %s
"""


class Template:
    """CREATE DATABASE ... TEMPLATE, there and back."""

    name: ClassVar[str] = "template"
    exclusive: ClassVar[bool] = True

    def take(self, job: Job) -> Taken:
        """Copy the database; raise PreconditionError while someone is connected."""
        source = job.source
        _check_place(source)
        connections[source.alias].close()  # ours would be in the way too
        with source.connect() as connection:
            size = contents.database_bytes(connection)
            space.check_copy(connection, size, otherwise="use the engine pg_dump")
        before = read_before(source)
        with _copying(job) as copy, source.connect(copy.name) as connection:
            relations = contents.read_relations(connection)
            tables = contents.count_tables(connection, relations, hashed=job.hashed)
            manifest = _describe(job, connection, before, copy, tables)
        return Taken(manifest=manifest)

    def read_back(
        self, source: Source, manifest: Manifest, archive: Path
    ) -> Mapping[str, int]:
        """Count every row of the copy."""
        with source.connect(_copy(source, archive)) as connection:
            relations = contents.read_relations(connection)
            tables = contents.count_tables(connection, relations)
            rows = {t.qualified_name: t.rows for t in tables}
            return {**rows, LARGE_OBJECTS: contents.count_large_objects(connection)}

    def restore(self, task: RestoreTask) -> tuple[str, ...]:
        """Make the empty database anew, from the copy."""
        copy, target = _copy(task.source, task.archive), task.dbname
        with task.source.maintenance() as connection:
            row = connection.execute(_COMMENT, [target]).fetchone()
            beside.drop(connection, target)
            _create(connection, target, copy, task.manifest.properties.owner)
            comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
            connection.execute(
                comment.format(
                    sql.Identifier(target), sql.Literal(row[0] if row else "")
                )
            )
        return ()


@contextmanager
def _copying(job: Job) -> Iterator[Derived]:
    """Make the copy; it stays when the block ends well."""
    source = job.source
    copy = derived.new_derived(
        source.database, role=Role.SCRATCH, run=job.run, backup=job.id
    )
    with derived.claimed(source, copy.name) as connection:
        try:
            _create(connection, copy.name, source.database)
            derived.describe(connection, copy)
            for statement in _CLOSE:
                connection.execute(sql.SQL(statement).format(copy.identifier))
            yield copy
            derived.describe(connection, copy.become(Role.COPY))
        except BaseException:
            beside.drop(connection, copy.name)
            raise


def _describe(
    job: Job,
    connection: Connection,
    before: Before,
    copy: Derived,
    tables: tuple[Table, ...],
) -> Manifest:
    lsn = connection.execute(_LSN).fetchone()
    assert lsn is not None
    copied = Copied(
        engine=Template.name,
        format="database",
        compression="none",
        snapshot="",
        lsn=lsn[0],
        files=(
            _write(job, {"database": copy.name, "oid": _oid(connection, copy.name)}),
        ),
        tables=tables,
    )
    return describe(job, connection, before, copied)


def _check_place(source: Source) -> None:
    if source.conf.environment.is_protected or source.conf.backup_storage:
        raise PreconditionError(
            "A copy on the same server is lost with it, and cannot be stored "
            "elsewhere: it is no backup here. Nothing was changed.",
            remedy="Use the engine pg_dump.",
        )


def _create(connection: Connection, name: str, template: str, owner: str = "") -> None:
    files = connection.info.server_version >= 150000  # before, it was the only way
    parts = [
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        ),
        *([sql.SQL("STRATEGY FILE_COPY")] if files else []),
        *([sql.SQL("OWNER {}").format(sql.Identifier(owner))] if owner else []),
    ]
    try:
        connection.execute(sql.SQL(" ").join(parts))
    except errors.InsufficientPrivilege as exc:
        raise PreconditionError(
            f"This role may not create databases, or not copy {template!r}: {exc} "
            "Nothing was changed.",
            remedy="ALTER ROLE ... CREATEDB, or use the engine pg_dump.",
        ) from exc
    except errors.ObjectInUse as exc:
        sessions = "; ".join(
            f"pid {pid} ({user}, {application or 'unnamed'})"
            for pid, user, application in connection.execute(_SESSIONS, [template])
        )
        raise PreconditionError(
            f"Someone is connected to {template!r}, and PostgreSQL copies only what "
            f"nobody uses: {sessions or 'gone by now'}. Nothing was changed.",
            remedy="Stop the application, or use the engine pg_dump.",
        ) from exc


def _write(job: Job, content: dict[str, Any]) -> File:
    assert isinstance(job.pending, PendingFile)  # one job: take_backup sees to it
    data = json.dumps(content).encode()
    job.pending.file.write(data)
    job.pending.flush()
    digest = hashlib.sha256(data).hexdigest()
    return File(name=job.pending.final.name, size=len(data), sha256=digest)


def _copy(source: Source, archive: Path) -> str:
    """Return the name of the copy; raise BackupError when it is gone."""
    named = json.loads(archive.read_bytes())
    with source.maintenance() as connection:
        if _oid(connection, named["database"]) != named["oid"]:
            raise BackupError(
                f"The copy {named['database']} is not on this server any more. "
                "Nothing was changed.",
                remedy="Use another backup: manage.py backups list",
            )
    return str(named["database"])


def _oid(connection: Connection, name: str) -> int | None:
    row = connection.execute(_OID, [name]).fetchone()
    return row[0] if row else None
