"""Who blocks and who waits is named, as far as we may know."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from migrationops.postgres import activity
from migrationops.postgres.table_locks import Lock
from tests.integration.watchdog.conftest import TABLE, until
from tests.roles import needs_superuser

if TYPE_CHECKING:
    from tests.integration.watchdog.conftest import Sessions


def test_who_holds_a_lock_on_a_table_is_found_before_queueing(
    sessions: Sessions,
) -> None:
    looker, reader = sessions.open(), sessions.open("a reader")
    reader.execute(f"BEGIN; SELECT * FROM {TABLE}")

    (found,) = activity.blockers_of(looker, {TABLE: Lock.AX})

    assert (found.pid, found.application) == (reader.info.backend_pid, "a reader")
    assert (found.state, found.query) == (
        "idle in transaction",
        f"BEGIN; SELECT * FROM {TABLE}",
    )
    assert found.seconds is not None
    assert "a reader" in str(found)
    assert activity.blockers_of(looker, {TABLE: Lock.AX}, ours=[found.pid]) == ()
    assert activity.blockers_of(looker, {"public.nothing": Lock.AX}) == ()


def test_waiters_are_those_behind_us_and_blockers_those_before(
    sessions: Sessions,
) -> None:
    looker, reader, ours, writer = (sessions.open() for _ in range(4))
    reader.execute(f"BEGIN; SELECT * FROM {TABLE}")
    sessions.run(ours, f"ALTER TABLE {TABLE} ADD COLUMN more int")
    until(lambda: activity.blockers(looker, ours.info.backend_pid))
    sessions.run(writer, f"INSERT INTO {TABLE} VALUES (1)")
    until(lambda: activity.waiters(looker, ours.info.backend_pid))

    (blocker,) = activity.blockers(looker, ours.info.backend_pid)
    (waiter,) = activity.waiters(looker, ours.info.backend_pid)

    assert blocker.pid == reader.info.backend_pid
    assert waiter.pid == writer.info.backend_pid
    assert waiter.query.startswith("INSERT")
    assert waiter.seconds is not None
    reader.execute("COMMIT")


def test_open_transactions_have_an_age(sessions: Sessions) -> None:
    looker, other = sessions.open(), sessions.open("old")
    other.execute("BEGIN; SELECT 1")

    found = activity.open_transactions(looker, older_than=0.0)

    assert "old" in [o.application for o in found]
    assert activity.open_transactions(looker, older_than=3600.0) == ()


@pytest.mark.own_server
def test_a_prepared_transaction_is_named_by_its_gid(make_server: Any) -> None:
    server = make_server(
        major=int(os.environ.get("PG", "18")),
        settings={"max_prepared_transactions": "2"},
    )
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute("BEGIN; INSERT INTO t VALUES (1)")
        connection.execute("PREPARE TRANSACTION 'forgotten'")

        (held,) = activity.blockers_of(connection, {"public.t": Lock.AX})
        (open_one,) = activity.open_transactions(connection, older_than=0.0)

    assert (held.gid, held.pid) == ("forgotten", 0)
    assert "prepared transaction 'forgotten'" in str(held)
    assert open_one.gid == "forgotten"


@needs_superuser("makes a role")
def test_without_rights_a_blocker_is_named_without_its_query(
    sessions: Sessions,
) -> None:
    looker, reader = sessions.open(), sessions.open("a reader")
    reader.execute(f"BEGIN; SELECT * FROM {TABLE}")
    looker.execute("CREATE ROLE unprivileged")
    try:
        looker.execute("SET ROLE unprivileged")
        (found,) = activity.blockers_of(looker, {TABLE: Lock.AX})
    finally:
        looker.execute("RESET ROLE; DROP ROLE unprivileged")

    assert (found.pid, found.query) == (reader.info.backend_pid, "")
    assert found.seconds is None
