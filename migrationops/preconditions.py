"""What must hold before a run touches anything; one list, each a small question."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.migrations.loader import MigrationLoader

from migrationops.conf import Conf, Proof
from migrationops.exceptions import PreconditionError
from migrationops.graph import missing_files
from migrationops.models import Step
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection
from migrationops.sources import source_hash

_OLDEST_SERVER = 140000  # Django 5.2 supports PostgreSQL 14 and later
_LONG_TRANSACTION = "60 s"
INVALID_INDEX = "invalid-index"  # the name of that problem
_LEAST_COMPRESSION = 20  # a dump that is smaller than this part of its database is rare


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One precondition that does not hold; only a blocking one refuses the run."""

    name: str
    message: str
    remedy: str = ""
    blocking: bool = True
    subject: str = ""  # the relation that it is about, where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the questions may look at."""

    alias: str
    conf: Conf
    connection: Connection
    loader: MigrationLoader


def check(situation: Situation) -> tuple[Problem, ...]:
    """Ask everything; return the warnings, raise PreconditionError for the rest."""
    problems = [p for question in QUESTIONS for p in question(situation)]
    if blocking := [p for p in problems if p.blocking]:
        raise PreconditionError(
            "; ".join(p.message for p in blocking) + " Nothing was changed.",
            remedy=" ".join(p.remedy for p in blocking if p.remedy),
        )
    return tuple(problems)


def server_is_supported(situation: Situation) -> Iterator[Problem]:
    version = situation.connection.info.server_version
    if version < _OLDEST_SERVER:
        yield Problem(
            name="server-version",
            message=f"PostgreSQL {version // 10000} is too old; 14 is the oldest.",
            remedy="Upgrade the server.",
        )


def server_accepts_writes(situation: Situation) -> Iterator[Problem]:
    if _one(situation, "SELECT pg_is_in_recovery()")[0]:
        yield Problem(
            name="standby",
            message="This server is a standby and takes no writes.",
            remedy="Point the alias at the primary.",
        )


def state_directory_is_writable(situation: Situation) -> Iterator[Problem]:
    directory = situation.conf.state_dir
    if not _is_writable(directory):
        yield Problem(
            name="state-directory",
            message=f"The state directory {directory} cannot be written.",
            remedy="Make it writable, or set MIGRATIONOPS['STATE_DIR'].",
        )


def backup_directory_is_named(situation: Situation) -> Iterator[Problem]:
    conf = situation.conf
    if conf.policy.backup is Proof.NONE or conf.backup_dir or conf.backup_storage:
        return
    yield Problem(
        name="backup-directory",
        message=f"Policy {conf.policy.name} wants a backup and there is no place.",
        remedy="Set MIGRATIONOPS['BACKUP_DIR'] or ['BACKUP_STORAGE'].",
    )


def backup_directory_is_writable(situation: Situation) -> Iterator[Problem]:
    """In a protected environment an absent directory is a volume not mounted."""
    directory = _backup_directory(situation)
    if directory is None:
        return
    if situation.conf.environment.is_protected and not directory.is_dir():
        yield Problem(
            name="backup-directory",
            message=f"The backup directory {directory} does not exist.",
            remedy="Mount or make it, with mode 0700.",
        )
    elif not _is_writable(directory):
        yield Problem(
            name="backup-directory",
            message=f"The backup directory {directory} cannot be written.",
            remedy="Make it writable, or change MIGRATIONOPS['BACKUP_DIR'].",
        )


def backup_fits_on_the_disk(situation: Situation) -> Iterator[Problem]:
    """A dump is smaller than its database; how much smaller, nobody knows before."""
    conf, directory = situation.conf, _backup_directory(situation)
    if directory is None or conf.policy.engine in ("pgbackrest", "standby"):
        return
    (size,) = _one(situation, "SELECT pg_database_size(current_database())")
    free = shutil.disk_usage(_nearest(directory)).free
    dumps = not (conf.pgbackrest or conf.standby)
    if free < size:
        yield Problem(
            name="backup-space",
            message=f"{directory} has {free // 1_000_000:,} MB left, and the database "
            f"has {size // 1_000_000:,} MB.",
            remedy="Make room: manage.py backups expire --apply.",
            blocking=free < size // _LEAST_COMPRESSION and dumps,
        )


def applied_sources_are_unchanged(situation: Situation) -> Iterator[Problem]:
    """A file that was edited after it ran no longer says what the schema is."""
    rows = situation.connection.execute(
        "SELECT DISTINCT ON (app, migration) app, migration, detail->>'source_hash' "
        "FROM migrationops_step WHERE kind = %s AND state = %s "
        "AND detail ? 'source_hash' ORDER BY app, migration, id DESC",
        [Step.Kind.MIGRATION.value, Step.State.DONE.value],
    )
    for app, name, recorded in rows:
        applied = (app, name) in situation.loader.applied_migrations
        migration = situation.loader.disk_migrations.get((app, name))
        if applied and migration and source_hash(migration) != recorded:
            yield Problem(
                name="edited",
                message=f"{app}.{name} was edited after it was applied.",
                remedy="Put its file back and write a new migration.",
                blocking=situation.conf.environment.is_protected,
            )


def applied_files_are_present(situation: Situation) -> Iterator[Problem]:
    for app, name in missing_files(situation.loader):
        yield Problem(
            name="missing",
            message=f"{app}.{name} is recorded as applied and has no file.",
            remedy="Deploy the release that has it.",
            blocking=False,
        )


def no_invalid_indexes(situation: Situation) -> Iterator[Problem]:
    for name in introspection.invalid_indexes(situation.connection):
        yield Problem(
            name=INVALID_INDEX,
            subject=name,
            message=f"Index {name} is INVALID.",
            remedy=f"DROP INDEX CONCURRENTLY {name}",
            blocking=False,
        )


def no_prepared_transactions(situation: Situation) -> Iterator[Problem]:
    rows = situation.connection.execute(
        "SELECT gid, prepared FROM pg_prepared_xacts "
        "WHERE database = current_database()"
    )
    for gid, prepared in rows:
        yield Problem(
            name="prepared-transaction",
            message=f"Prepared transaction {gid!r} is open since {prepared:%c}.",
            remedy=f"COMMIT PREPARED or ROLLBACK PREPARED {gid!r}.",
            blocking=False,
        )


def no_long_transactions(situation: Situation) -> Iterator[Problem]:
    rows = situation.connection.execute(
        "SELECT pid, usename, application_name, "
        "extract(epoch FROM now() - xact_start)::int FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND xact_start < now() - %s::interval",
        [_LONG_TRANSACTION],
    )
    for pid, user, application, age in rows:
        yield Problem(
            name="long-transaction",
            message=f"A transaction of pid {pid} ({user}, {application or 'unnamed'}) "
            f"is open for {age} s and may hold us up.",
            remedy=f"SELECT pg_terminate_backend({pid}) ends it.",
            blocking=False,
        )


QUESTIONS: tuple[Callable[[Situation], Iterator[Problem]], ...] = (
    server_is_supported,
    server_accepts_writes,
    state_directory_is_writable,
    backup_directory_is_named,
    backup_directory_is_writable,
    backup_fits_on_the_disk,
    applied_sources_are_unchanged,
    applied_files_are_present,
    no_invalid_indexes,
    no_prepared_transactions,
    no_long_transactions,
)


def _backup_directory(situation: Situation) -> Path | None:
    """Return where this run will put a backup, if on a disk."""
    conf = situation.conf
    return None if conf.policy.backup is Proof.NONE else conf.backup_dir


def _is_writable(directory: Path) -> bool:
    """Whether it can be written, or made where it is not there yet."""
    nearest = _nearest(directory)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _nearest(path: Path) -> Path:
    """Return the path itself, or the closest parent that exists."""
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(PermissionError):
            if place.exists():
                return place
    raise AssertionError("a root exists always")


def _one(situation: Situation, query: str) -> tuple[Any, ...]:
    row = situation.connection.execute(query).fetchone()
    assert row is not None
    return row
