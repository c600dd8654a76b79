"""Our statement gives way; nobody else is harmed, unless a rule names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from migrationops.exceptions import ConfigurationError
from migrationops.executor.termination import Termination
from migrationops.executor.watchdog import GaveWayError, Watchdog
from migrationops.postgres import activity
from migrationops.postgres.activity import Other
from migrationops.postgres.retry import is_transient
from tests.integration.watchdog.conftest import TABLE, until

if TYPE_CHECKING:
    from migrationops.progress import Progress
    from tests.integration.watchdog.conftest import Sessions

OTHER = "public.watched_too"
ALTER = f"ALTER TABLE {TABLE} ADD COLUMN more int"


def test_a_statement_behind_which_others_wait_gives_way(sessions: Sessions) -> None:
    """A reader blocks us, a writer queues behind us: the writer goes first."""
    watcher, looker, ours, reader, writer = (sessions.open() for _ in range(5))
    reader.execute(f"BEGIN; SELECT * FROM {TABLE}")
    pid = ours.info.backend_pid
    dog = Watchdog(watcher, pid=pid, label="alter", patience=0.2)

    sessions.run(writer, f"SELECT pg_sleep(0.3); INSERT INTO {TABLE} VALUES (1)")
    with pytest.raises(GaveWayError, match="gave way to 1") as caught, dog:
        ours.execute(ALTER)

    assert [w.pid for w in caught.value.waiters] == [writer.info.backend_pid]
    assert is_transient(caught.value)
    rows = f"SELECT count(*) FROM {TABLE}"
    until(lambda: looker.execute(rows).fetchone() == (1,))
    reader.execute("COMMIT")
    ours.execute(ALTER)


def test_a_lock_that_we_hold_for_long_gives_way_too(sessions: Sessions) -> None:
    watcher, ours, writer = (sessions.open() for _ in range(3))
    dog = Watchdog(
        watcher, pid=ours.info.backend_pid, label="transaction", patience=0.2
    )
    ours.execute(f"BEGIN; LOCK TABLE {TABLE}")

    sessions.run(writer, f"INSERT INTO {TABLE} VALUES (1)")
    with pytest.raises(GaveWayError), dog:
        ours.execute("SELECT pg_sleep(60)")

    ours.execute("ROLLBACK")


def test_a_deadlock_is_ours_to_resolve(sessions: Sessions) -> None:
    """The client began to wait first: the server would have ended its statement."""
    watcher, looker, ours, client = (sessions.open() for _ in range(4))
    looker.execute(f"DROP TABLE IF EXISTS {OTHER}; CREATE TABLE {OTHER} (a int)")
    dog = Watchdog(watcher, pid=ours.info.backend_pid, label="alter", patience=60)
    ours.execute(f"BEGIN; LOCK TABLE {TABLE}")
    client.execute(f"BEGIN; INSERT INTO {OTHER} VALUES (1)")
    waiting = sessions.run(client, f"INSERT INTO {TABLE} VALUES (1); COMMIT")
    until(lambda: activity.waiters(looker, ours.info.backend_pid))

    with pytest.raises(GaveWayError), dog:
        ours.execute(f"ALTER TABLE {OTHER} ADD COLUMN more int")

    ours.execute("ROLLBACK")
    waiting.join()
    assert looker.execute(f"SELECT count(*) FROM {TABLE}").fetchone() == (1,)


def test_waiting_alone_is_not_cut_short(sessions: Sessions) -> None:
    watcher, looker, ours, reader = (sessions.open() for _ in range(4))
    reader.execute(f"BEGIN; SELECT * FROM {TABLE}")
    told: list[Progress] = []
    dog = Watchdog(
        watcher,
        pid=ours.info.backend_pid,
        label="alter",
        patience=0.1,
        report=told.append,
    )

    with dog:
        thread = sessions.run(ours, ALTER)
        until(lambda: any("waits for" in event.label for event in told))
        reader.execute("COMMIT")
        thread.join()

    assert dog.gave_way_to == ()
    assert str(reader.info.backend_pid) in told[-1].label
    columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = %s::regclass"
    found = looker.execute(f"{columns} AND attname = 'more'", [TABLE]).fetchone()
    assert found == (1,)


def test_without_patience_nothing_is_cancelled(sessions: Sessions) -> None:
    """CONCURRENTLY waits for others; who waits behind it is no client's row."""
    watcher, looker, ours, reader, writer = (sessions.open() for _ in range(5))
    reader.execute(f"BEGIN; SELECT * FROM {TABLE}")
    told: list[Progress] = []
    dog = Watchdog(
        watcher,
        pid=ours.info.backend_pid,
        label="alter",
        patience=None,
        report=told.append,
    )
    with dog:
        thread = sessions.run(ours, ALTER)
        until(lambda: activity.blockers(looker, ours.info.backend_pid))
        sessions.run(writer, f"INSERT INTO {TABLE} VALUES (1)")
        until(lambda: told)
        assert activity.waiters(looker, ours.info.backend_pid)
        reader.execute("COMMIT")
        thread.join()

    assert dog.gave_way_to == ()


def test_progress_of_an_index_build_is_told(sessions: Sessions) -> None:
    """An open writer holds the build in its waiting phase."""
    watcher, ours, writer = (sessions.open() for _ in range(3))
    writer.execute(f"BEGIN; INSERT INTO {TABLE} VALUES (1)")
    told: list[Progress] = []
    dog = Watchdog(
        watcher,
        pid=ours.info.backend_pid,
        label="index",
        patience=None,
        report=told.append,
    )

    with dog:
        build = f"CREATE INDEX CONCURRENTLY watched_i ON {TABLE} (a)"
        thread = sessions.run(ours, build)
        until(lambda: any("index: waiting for writers" in e.label for e in told))
        until(lambda: any("waits for" in event.label for event in told))
        writer.execute("COMMIT")
        thread.join()


def test_a_blocker_is_ended_only_by_a_rule_that_names_it(sessions: Sessions) -> None:
    watcher, ours, idle, busy = (sessions.open() for _ in range(4))
    idle.execute(f"BEGIN; SELECT * FROM {TABLE}")
    told: list[Progress] = []
    dog = Watchdog(
        watcher,
        pid=ours.info.backend_pid,
        label="alter",
        patience=None,
        report=told.append,
        termination=Termination(idle_seconds=0.3),
    )

    with dog:
        ours.execute(ALTER)

    assert f"ended pid {idle.info.backend_pid} " in told[-1].label
    with pytest.raises(psycopg.OperationalError):
        idle.execute("SELECT 1")
    busy.execute("SELECT 1")


def test_a_rule_spares_who_is_at_work_and_who_is_young() -> None:
    rule = Termination.parse("idle:60")

    assert rule.names(Other(pid=1, state="idle in transaction", seconds=61.0))
    assert rule.names(Other(pid=1, state="idle in transaction (aborted)", seconds=61.0))
    assert not rule.names(Other(pid=1, state="idle in transaction", seconds=59.0))
    assert not rule.names(Other(pid=1, state="active", seconds=1000.0))
    assert not rule.names(Other(pid=1, state="", seconds=None))
    for text in ("all", "idle", "idle:", "idle:x", "active:60"):
        with pytest.raises(ConfigurationError):
            Termination.parse(text)


def test_a_watchdog_that_loses_its_connection_does_no_harm(sessions: Sessions) -> None:
    watcher, ours = sessions.open(), sessions.open()
    dog = Watchdog(watcher, pid=ours.info.backend_pid, label="alter", patience=0.1)

    with dog:
        ours.execute("SELECT pg_terminate_backend(%s)", [watcher.info.backend_pid])
        ours.execute("SELECT pg_sleep(0.3)")
        ours.execute(ALTER)

    assert dog.gave_way_to == ()


def test_another_cancellation_is_passed_on_as_it_is(sessions: Sessions) -> None:
    watcher, looker, ours = (sessions.open() for _ in range(3))
    pid = ours.info.backend_pid
    dog = Watchdog(watcher, pid=pid, label="sleep", patience=0.1)

    sessions.run(looker, f"SELECT pg_sleep(0.5), pg_cancel_backend({pid})")
    with pytest.raises(psycopg.errors.QueryCanceled), dog:
        ours.execute("SELECT pg_sleep(60)")
