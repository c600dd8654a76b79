"""Which engine backs up a database: by its size, and by the time that it would take."""

from __future__ import annotations

from migrationops.backups.contents import database_bytes
from migrationops.backups.engine import AnyEngine
from migrationops.backups.engines import ENGINES
from migrationops.backups.estimate import estimate
from migrationops.conf import Conf, Method
from migrationops.exceptions import RefusedError
from migrationops.postgres.databases import Connection


def choose(connection: Connection, conf: Conf) -> AnyEngine:
    """Return the engine that POLICY names, or the one that fits.

    A dump that the time budget has no room for gives way to pgBackRest, else to a
    standby, where there is one. From POLICY's `physical_from` bytes on, a dump is not
    taken unless it is asked for by name: raises RefusedError.
    """
    policy = conf.policy
    if policy.engine is not Method.AUTO:
        return ENGINES[policy.engine]
    size = database_bytes(connection)
    is_big = size >= policy.physical_from
    seconds = estimate(connection, conf, policy.backup).seconds
    is_slow = bool(policy.time_budget) and seconds > policy.time_budget
    if not is_big and not is_slow:
        return ENGINES[Method.PG_DUMP]
    if conf.pgbackrest is not None:
        return ENGINES[Method.PGBACKREST]
    if conf.standby is not None:
        return ENGINES[Method.STANDBY]
    if is_big:
        raise RefusedError(
            f"The database has {size / 1e9:,.0f} GB: its dump would take about "
            f"{seconds / 60:,.0f} minutes, its restore longer. Nothing was changed.",
            remedy='Name pgBackRest\'s stanza in MIGRATIONOPS["PGBACKREST"], or a '
            'standby in MIGRATIONOPS["STANDBY"], or ask for a dump all the same by '
            "POLICY's engine 'pg_dump'.",
        )
    return ENGINES[Method.PG_DUMP]
