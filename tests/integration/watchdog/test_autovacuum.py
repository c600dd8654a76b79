"""An autovacuum gives way to who queues, unless transaction ids are running out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from migrationops.postgres import activity
from migrationops.postgres.table_locks import Lock
from tests.integration.watchdog.conftest import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrationops.postgres.activity import Other
    from migrationops.postgres.databases import Connection

pytestmark = [pytest.mark.own_server, pytest.mark.faults]

# So slow that it is still at it when we look.
SLOW = {
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_cost_delay": "100ms",
    "autovacuum_vacuum_cost_limit": "1",
}
USED = """
CREATE TABLE t (a int) WITH (autovacuum_vacuum_threshold = 1{options});
INSERT INTO t SELECT 1 FROM generate_series(1, 100000);
DELETE FROM t;
"""
# Each block with an exception handler that writes uses up a transaction id.
USE_UP = """
CREATE TABLE used (a int);
DO $$ BEGIN
  FOR i IN 1..150000 LOOP
    BEGIN INSERT INTO used VALUES (1); EXCEPTION WHEN division_by_zero THEN END;
  END LOOP;
END $$
"""


@pytest.fixture
def connection(make_server: Any) -> Iterator[Connection]:
    server = make_server(major=int(os.environ.get("PG", "18")), settings=SLOW)
    with server.connect(autocommit=True) as made:
        yield made


def vacuuming(connection: Connection) -> list[Other]:
    found = activity.blockers_of(connection, {"t": Lock.AX})
    return [o for o in found if o.kind == "autovacuum worker"]


def test_one_that_tidies_gives_way(connection: Connection) -> None:
    connection.execute(USED.format(options="").encode())
    until(lambda: vacuuming(connection))

    (worker,) = vacuuming(connection)

    assert worker.gives_way
    connection.execute("SET lock_timeout = '10s'; ALTER TABLE t ADD COLUMN b int")


def test_one_against_wraparound_is_waited_for(connection: Connection) -> None:
    options = ", autovacuum_enabled = off, autovacuum_freeze_max_age = 100000"
    connection.execute(USED.format(options=options).encode())
    connection.execute(USE_UP)
    until(lambda: any("wraparound" in o.query for o in vacuuming(connection)))

    assert not any(o.gives_way for o in vacuuming(connection))
