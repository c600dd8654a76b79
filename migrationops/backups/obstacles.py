"""What stands in the way of a swap; asked before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from migrationops.backups import space
from migrationops.backups.build import may_create
from migrationops.backups.manifest import Manifest
from migrationops.backups.sessions import untouchable_sessions
from migrationops.backups.source import Source
from migrationops.exceptions import PreconditionError
from migrationops.postgres.databases import Connection

_MARGIN = 1.1  # WAL and rounding
_SET = 160000  # since then a member may be forbidden to SET ROLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    message: str
    remedy: str


def check_build(connection: Connection, source: Source, manifest: Manifest) -> None:
    """Raise PreconditionError when the backup cannot be restored on this server."""
    _refuse(
        [
            *_other_major(source, manifest),
            *_no_right_to_create(connection),
            *_other_owner(connection, manifest),
            *_no_tablespace(connection, manifest),
        ]
    )
    space.check_copy(connection, int(manifest.database_bytes * _MARGIN))


def check_swap(
    connection: Connection,
    source: Source,
    *,
    drop_slots: bool,
    accept_stale_replicas: bool,
) -> None:
    """Raise PreconditionError when the live database cannot be swapped away.

    `connection` is one to the maintenance database.
    """
    name = source.database
    _refuse(
        [
            *_not_owned(connection, name),
            *_prepared_transactions(connection, name),
            *([] if drop_slots else _logical_slots(connection, name)),
            *_subscriptions(connection, name),
            *([] if accept_stale_replicas else _standbys(connection)),
            *_untouchable(connection, name),
        ]
    )


def logical_slots(connection: Connection, database: str) -> list[str]:
    rows = connection.execute(
        "SELECT slot_name FROM pg_replication_slots WHERE database = %s", [database]
    ).fetchall()
    return [row[0] for row in rows]


def _refuse(obstacles: list[Obstacle]) -> None:
    if obstacles:
        raise PreconditionError(
            " ".join(o.message for o in obstacles) + " Nothing was changed.",
            remedy=" ".join(o.remedy for o in obstacles),
        )


def _other_major(source: Source, manifest: Manifest) -> Iterator[Obstacle]:
    if manifest.server_major > source.major:
        yield Obstacle(
            message=f"The backup is of PostgreSQL {manifest.server_major}, this "
            f"server is {source.major}: it may not understand all of it.",
            remedy=f"Restore to a server of version {manifest.server_major} or newer.",
        )


def _no_right_to_create(connection: Connection) -> Iterator[Obstacle]:
    if not may_create(connection):
        yield Obstacle(
            message="This role may not create databases, so none can be built beside.",
            remedy="ALTER ROLE ... CREATEDB, set OPERATOR_URL, or use the provider's "
            "point-in-time recovery.",
        )


def _other_owner(connection: Connection, manifest: Manifest) -> Iterator[Obstacle]:
    owner = manifest.properties.owner
    right = "SET" if connection.info.server_version >= _SET else "MEMBER"
    row = connection.execute(
        "SELECT current_user, (SELECT pg_has_role(oid, %s) FROM pg_roles "
        "WHERE rolname = %s)",
        [right, owner],
    ).fetchone()
    assert row is not None
    user, may = row
    if may is None:
        yield Obstacle(
            message=f"This server has no role {owner!r}, to whom the database belongs: "
            "no dump of one database carries roles.",
            remedy=f"CREATE ROLE {_name(owner)}, and what other roles the backup "
            "names.",
        )
    elif not may:
        yield Obstacle(
            message=f"Role {user!r} may not give a database to {owner!r}, to whom it "
            "belongs.",
            remedy=f"GRANT {_name(owner)} TO {_name(user)}, or set OPERATOR_URL to a "
            "role that may.",
        )


def _no_tablespace(connection: Connection, manifest: Manifest) -> Iterator[Obstacle]:
    name = manifest.properties.tablespace
    query = "SELECT FROM pg_tablespace WHERE spcname = %s"
    if connection.execute(query, [name]).fetchone() is None:
        yield Obstacle(
            message=f"This server has no tablespace {name!r}, where the database lies.",
            remedy=f"CREATE TABLESPACE {_name(name)} first.",
        )


def _not_owned(connection: Connection, name: str) -> Iterator[Obstacle]:
    row = connection.execute(
        "SELECT current_user, pg_get_userbyid(datdba), pg_has_role(datdba, 'USAGE') "
        "FROM pg_database WHERE datname = %s",
        [name],
    ).fetchone()
    if row and not row[2]:
        yield Obstacle(
            message=f"Database {name!r} is {row[1]!r}'s, so that {row[0]!r} may not "
            "rename it.",
            remedy=f"GRANT {_name(row[1])} TO {_name(row[0])}, or set OPERATOR_URL to "
            "a role that may.",
        )


def _prepared_transactions(connection: Connection, name: str) -> Iterator[Obstacle]:
    rows = connection.execute(
        "SELECT gid FROM pg_prepared_xacts WHERE database = %s", [name]
    )
    for (gid,) in rows.fetchall():
        yield Obstacle(
            message=f"Prepared transaction {gid!r} holds the database.",
            remedy=f"ROLLBACK PREPARED {_quoted(gid)}, or COMMIT PREPARED it.",
        )


def _logical_slots(connection: Connection, name: str) -> Iterator[Obstacle]:
    for slot in logical_slots(connection, name):
        yield Obstacle(
            message=f"Logical slot {slot!r} would follow the old database and keep "
            "its WAL.",
            remedy="--drop-slots drops it (its subscribers then need a new copy).",
        )


def _subscriptions(connection: Connection, name: str) -> Iterator[Obstacle]:
    rows = connection.execute(
        "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid "
        "WHERE d.datname = %s",
        [name],
    )
    for (subscription,) in rows.fetchall():
        yield Obstacle(
            message=f"Subscription {subscription!r} writes to the live database.",
            remedy=f"DROP SUBSCRIPTION {_name(subscription)} first, and make it anew "
            "after.",
        )


def _standbys(connection: Connection) -> Iterator[Obstacle]:
    rows = connection.execute(
        "SELECT application_name, coalesce(client_addr::text, 'local') "
        "FROM pg_stat_replication WHERE NOT EXISTS (SELECT FROM pg_replication_slots s "
        "WHERE s.active_pid = pid AND s.slot_type = 'logical')"
    )
    for application, address in rows.fetchall():
        yield Obstacle(
            message=f"Sessions on the standby {application!r} ({address}) would stay "
            "in the old database and read old rows for ever.",
            remedy="--replica ALIAS for each standby ends them after replay; "
            "--accept-stale-replicas leaves them to you.",
        )


def _name(name: str) -> str:
    return sql.Identifier(name).as_string()


def _quoted(text: str) -> str:
    return sql.Literal(text).as_string()


def _untouchable(connection: Connection, name: str) -> Iterator[Obstacle]:
    for session in untouchable_sessions(connection, name):
        yield Obstacle(
            message=f"Session {session} is not this role's to end.",
            remedy="End it, or set OPERATOR_URL to a role that may.",
        )
