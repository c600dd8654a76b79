"""Whether a standby can be paused for a backup, and who needs it as it is."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops.backups import catalog, directory, replay
from migrationops.backups.manifest import Manifest
from migrationops.backups.replay import Replay
from migrationops.backups.source import Source
from migrationops.conf import Conf
from migrationops.exceptions import ConfigurationError, PreconditionError
from migrationops.postgres.databases import Connection

_PRIMARY = """
SELECT (SELECT system_identifier::text FROM pg_control_system()),
       has_function_privilege('pg_create_restore_point(text)', 'EXECUTE'),
       current_setting('synchronous_standby_names') <> '' AND (
           current_setting('synchronous_commit') = 'remote_apply' OR EXISTS (
               SELECT FROM pg_db_role_setting
               WHERE 'synchronous_commit=remote_apply' = ANY (setconfig)))
"""
_STANDBY = """
SELECT (SELECT system_identifier::text FROM pg_control_system()),
       has_function_privilege('pg_wal_replay_pause()', 'EXECUTE')
       AND has_function_privilege('pg_wal_replay_resume()', 'EXECUTE')
"""
# A commit with a transaction id is flushed, and the name with it.
_MARK = """
SELECT pg_current_xact_id() IS NOT NULL, pg_create_restore_point(%s)::text,
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,
       (SELECT system_identifier::text FROM pg_control_system()),
       (SELECT array_agg(datname::text ORDER BY datname) FROM pg_database
        WHERE NOT datistemplate)
"""
_NEEDED = """
SELECT state FROM migrationops_run
WHERE id::text = %s AND id::text <> %s AND exit_code IS DISTINCT FROM 5
  AND state IN ('open', 'failed', 'stopped', 'differs')
  AND EXISTS (SELECT FROM migrationops_step s
              WHERE s.run_id = migrationops_run.id AND s.kind = 'migration')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A name in the WAL, which the standby has to replay."""

    name: str
    lsn: str
    timeline: int
    system_id: str
    databases: tuple[str, ...]


def check(source: Source, *, own_run: str) -> None:
    """Raise the error that says why the standby cannot be paused; change nothing.

    A pause of `own_run` may be given up, and one of a run that is over.
    """
    conf = source.conf
    own = replay.settings(conf)
    if conf.environment.is_protected and not own.outlives_host:
        raise ConfigurationError(
            "A standby on the primary's own host does not count here. Nothing was "
            "changed.",
            remedy='Where it runs elsewhere, declare it: STANDBY\'s "outlives_host": '
            "True.",
        )
    with source.connect() as primary, replay.connected(conf) as standby:
        system_id = _check_primary(primary)
        _check_standby(standby, system_id)
        found = replay.read(standby)
        if found and found.is_paused:
            _check_pause(primary, conf, found, replay.where(standby), own_run)


def create_mark(primary: Connection, name: str) -> Mark:
    """Write the name into the WAL, and bring it to the disk."""
    primary.execute("SET synchronous_commit = local")
    row = primary.execute(_MARK, [name]).fetchone()
    assert row is not None
    _, lsn, timeline, system_id, databases = row
    return Mark(
        name=name,
        lsn=lsn,
        timeline=timeline,
        system_id=system_id,
        databases=tuple(databases),
    )


def _check_primary(primary: Connection) -> str:
    """Return which cluster it is."""
    row = primary.execute(_PRIMARY).fetchone()
    assert row is not None
    system_id, may_mark, waits_for_replay = row
    if not may_mark:
        raise PreconditionError(
            "This role may not create restore points. Nothing was changed.",
            remedy="As a superuser: GRANT EXECUTE ON FUNCTION "
            "pg_create_restore_point(text) TO the role.",
        )
    if waits_for_replay:
        raise PreconditionError(
            "Commits wait until a standby has replayed them (synchronous_commit is "
            "remote_apply): paused, it would stop every writer. Nothing was changed.",
            remedy="Pause a standby that is not in synchronous_standby_names, with "
            "synchronous_commit 'on'; or another engine.",
        )
    return str(system_id)


def _check_standby(standby: Connection, cluster: str) -> None:
    row = standby.execute(_STANDBY).fetchone()
    assert row is not None
    system_id, may_pause = row
    if replay.read(standby) is None:
        raise PreconditionError(
            "STANDBY's url leads to a server that is no standby. Nothing was changed.",
            remedy="Name the standby in STANDBY, not the primary.",
        )
    if system_id != cluster:
        raise PreconditionError(
            "STANDBY's url leads to a standby of another cluster. Nothing was changed.",
            remedy="Name a standby of this server in STANDBY.",
        )
    if not may_pause:
        raise PreconditionError(
            "STANDBY's role may not pause the replay. Nothing was changed.",
            remedy="As a superuser on the primary, in the database "
            f"{standby.info.dbname}: GRANT EXECUTE ON FUNCTION pg_wal_replay_pause(), "
            "pg_wal_replay_resume() TO the role.",
        )


def _check_pause(
    primary: Connection, conf: Conf, found: Replay, where: str, own_run: str
) -> None:
    """Refuse to give up what somebody else, or an unfinished run, may want."""
    owner = _owner(conf, found)
    if owner is None:
        what = "no backup here accounts for it: a run was killed, or somebody did it"
    elif primary.execute(_NEEDED, [owner.run, own_run]).fetchone():
        what = f"it is the way back of the run {owner.run}, which did not end well"
    else:
        return
    raise PreconditionError(
        f"The standby is paused at {found.lsn} already, and {what}. Nothing was "
        "changed.",
        remedy=f"When nobody needs it any more: {replay.resume_command(where)}",
    )


def _owner(conf: Conf, found: Replay) -> Manifest | None:
    listed = catalog.list_backups(directory.backup_directory(conf), conf).backups
    return next((m for m in listed if m.pause and m.pause.lsn == found.lsn), None)
