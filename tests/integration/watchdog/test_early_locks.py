"""Locks that are taken first: all of them or none, and by whoever may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest
from django.db import connections, transaction

from migrationops.conf import Policy
from migrationops.executor.early_locks import take
from migrationops.executor.session import Session
from migrationops.postgres import databases
from migrationops.postgres.retry import is_transient
from migrationops.postgres.table_locks import Lock
from migrationops.progress import silent
from tests.roles import needs_superuser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrationops.postgres.databases import Connection
    from tests.integration.watchdog.conftest import Sessions

TABLES = """
DROP TABLE IF EXISTS public.child, public.parent CASCADE;
DROP TABLE IF EXISTS public."Whole";
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE TABLE "Whole" (id int) PARTITION BY LIST (id);
CREATE TABLE a_part PARTITION OF "Whole" DEFAULT;
CREATE OR REPLACE VIEW looks AS SELECT 1 AS one;
"""
BOTH = {"public.child": Lock.AX, "public.parent": Lock.SRX}
HELD = """
SELECT relation::regclass::text, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode LIKE '%Exclusive%'
   AND relation::regclass::text IN ('parent', 'child', '"Whole"', 'a_part')
"""


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with databases.connect("default") as watch:
        watch.execute(TABLES)
        yield Session(
            alias="default",
            policy=Policy(name="test", strictness=0, lock_timeout=0.3),
            lock=cast("Any", None),
            watch=watch,
            report=silent,
        )
    connections["default"].close()


def held(connection: Connection) -> dict[str, str]:
    return dict(connection.execute(HELD).fetchall())


def now(session: Session, wanted: dict[str, Lock]) -> list[str]:
    return [str(lock) for lock in take(session, wanted, {}, until=time.monotonic())]


def test_both_are_held_until_the_end_parents_first(session: Session) -> None:
    with transaction.atomic():
        order = now(session, BOTH)
        during = held(session.connection)

    assert order == [
        "public.parent (SHARE ROW EXCLUSIVE)",
        "public.child (ACCESS EXCLUSIVE)",
    ]
    assert during == {"parent": "ShareRowExclusiveLock", "child": "AccessExclusiveLock"}
    assert held(session.connection) == {}


def test_what_is_no_table_and_a_partition_not_named_are_left_out(
    session: Session,
) -> None:
    wanted = {
        "public.Whole": Lock.AX,
        "public.parent": Lock.AX,
        "public.looks": Lock.AX,
    }
    with transaction.atomic():
        order = now(
            session, {**wanted, "public.parent_pkey": Lock.AX, "no.such": Lock.AX}
        )
        during = held(session.connection)

    assert len(order) == 2
    assert sorted(during) == ['"Whole"', "parent"]


def test_one_table_is_left_to_its_statement(session: Session) -> None:
    with transaction.atomic():
        assert now(session, {"public.child": Lock.AX, "public.looks": Lock.AX}) == []
        assert held(session.connection) == {}


def test_while_one_is_not_free_none_is_held(
    session: Session, sessions: Sessions
) -> None:
    """The client of the parent goes on in between, and the transaction too."""
    client, holder = sessions.open(), sessions.open()
    holder.execute("BEGIN; LOCK TABLE child IN ROW EXCLUSIVE MODE")
    with transaction.atomic():
        with pytest.raises(psycopg.errors.LockNotAvailable) as caught:
            now(session, BOTH)
        assert held(session.connection) == {}
        client.execute("SET lock_timeout = '5s'; INSERT INTO parent VALUES (1)")
        holder.execute("COMMIT")
        assert len(now(session, BOTH)) == 2

    assert is_transient(caught.value)


@needs_superuser("makes a role")
def test_who_may_not_lock_the_parent_locks_nothing_first(session: Session) -> None:
    """REFERENCES is enough for a foreign key, and not for LOCK TABLE."""
    connection = session.connection
    connection.execute("CREATE ROLE refers; ALTER TABLE child OWNER TO refers")
    try:
        connection.execute("GRANT REFERENCES ON parent TO refers")
        connection.execute("SET ROLE refers")
        with transaction.atomic():
            assert now(session, BOTH) == []
            connection.execute(
                "ALTER TABLE child ADD FOREIGN KEY (id) REFERENCES parent"
            )
    finally:
        connection.execute("RESET ROLE; DROP OWNED BY refers; DROP ROLE refers")
