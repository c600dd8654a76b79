"""Who is at work on a server, who stands in our way, and who waits behind us."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops.postgres.databases import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Seconds that the slowest replica is behind; other sessions at work here.

    A role without pg_read_all_stats sees no lag: 0.
    """

    lag: float
    active: int


_LOAD = """
SELECT (SELECT coalesce(extract(epoch FROM max(replay_lag)), 0)::float
          FROM pg_catalog.pg_stat_replication),
       (SELECT count(*) FROM pg_catalog.pg_stat_activity
         WHERE state = 'active' AND backend_type = 'client backend'
           AND datname = current_database() AND pid <> pg_backend_pid())
"""


def load(connection: Connection) -> Load:
    """Read the server's load."""
    row = connection.execute(_LOAD).fetchone()
    assert row is not None
    return Load(lag=row[0], active=row[1])
