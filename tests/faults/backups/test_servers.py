"""Servers that restart, have standbys and slots: what a restore makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from config.embedded import DEFAULT_MAJOR
from migrationops.backups.derived import Role, find_derived
from tests.server import OwnServer
from tests.shop import FIRST, Shop

pytestmark = [
    pytest.mark.postgres_tools,
    pytest.mark.own_server,
    pytest.mark.faults,
]
ROWS = 300_000
RESTORE = ("restore", "--no-input", "--json")


@pytest.fixture
def server(make_server: Callable[..., OwnServer]) -> OwnServer:
    """Return a server that allows what ours by default does not."""
    return make_server(
        major=int(os.environ.get("PG", DEFAULT_MAJOR)),
        settings={"wal_level": "logical", "max_prepared_transactions": "2"},
    )


@pytest.fixture
def shop(server: OwnServer, tmp_path: Path) -> Iterator[Shop]:
    """Return a shop of three items with a backup of them."""
    made = Shop(directory=tmp_path, url=server.url, params=server.params)
    made.write("0001_expand_item", FIRST)
    made.succeed("safe_migrate", POLICY={"backup": "none"})
    add(made, 3)
    made.succeed("backup")
    yield made
    made.end()


def add(shop: Shop, rows: int) -> None:
    shop.execute(
        "INSERT INTO shop_item (name) "
        f"SELECT md5(i::text) FROM generate_series(1, {rows}) i"
    )


def items(shop: Shop) -> int:
    return int(shop.query("SELECT count(*) FROM shop_item")[0][0])


def beside(shop: Shop) -> list[Role]:
    with shop.connect(dbname="postgres") as connection:
        found = find_derived(connection, shop.params["dbname"])
    return [d.role for d in found]


@pytest.mark.parametrize(
    ("command", "busy"),
    [
        ("backup", "COPY public.shop_item % TO %"),
        (("backup", "--proof", "restored"), "COPY public.shop_item % FROM %"),
        (RESTORE, "COPY public.shop_item % FROM %"),
    ],
    ids=["dump", "proof", "restore"],
)
def test_a_restart_in_the_middle_leaves_before(
    server: OwnServer, shop: Shop, command: str | tuple[str, ...], busy: str
) -> None:
    add(shop, ROWS)
    shop.succeed("backup", "--proof", "decoded")
    files = sorted((shop.directory / "backups").iterdir())
    arguments = [command] if isinstance(command, str) else list(command)

    process = shop.start(*arguments)
    wait_until_busy(server, busy)
    server.kill()
    server.start()
    out, err = process.communicate(timeout=120)

    assert process.returncode != 0, out
    assert "Traceback" not in err
    assert items(shop) == ROWS + 3
    assert sorted((shop.directory / "backups").iterdir()) == files
    shop.succeed("backup")
    shop.succeed(*RESTORE, "--accept-loss", "all")
    assert (items(shop), beside(shop)) == (ROWS + 3, [Role.KEPT])
    # pg_restore did not wait for its commits; the swap did, for all of them.
    server.kill()
    server.start()
    assert (items(shop), beside(shop)) == (ROWS + 3, [Role.KEPT])


def wait_until_busy(server: OwnServer, query: str) -> None:
    deadline = time.monotonic() + 60
    with server.connect(dbname="postgres") as connection:
        while not connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s "
            "AND pid <> pg_backend_pid()",
            [query],
        ).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.002)


def test_two_restores_at_once_follow_each_other(shop: Shop) -> None:
    add(shop, 4)
    both = [shop.start(*RESTORE, "--accept-loss", "4", "--wait", "60") for _ in "12"]
    done = [shop.finish(process) for process in both]

    assert [d.returncode for d in done] == [0, 0], done
    assert items(shop) == 3
    assert beside(shop) == [Role.KEPT, Role.KEPT]
    # The second had nothing more to lose, and knew it.
    losses = [json.loads(d.stdout)["losses"]["tables"] for d in done]
    assert sorted(len(tables) for tables in losses) == [0, 1]


def test_a_logical_slot_and_a_prepared_transaction_are_refused(shop: Shop) -> None:
    shop.query("SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')")
    shop.execute("BEGIN; DELETE FROM shop_item; PREPARE TRANSACTION 'gid'")
    with by_hand(shop) as swap, pytest.raises(psycopg.errors.ObjectInUse):
        swap()  # the betrayal, of whoever prepared it

    done = shop.run(*RESTORE, "--accept-loss", "all")
    assert done.returncode == 3
    assert all(name in done.stdout for name in ("'theirs'", "'gid'", "--drop-slots"))
    assert beside(shop) == []

    shop.execute("ROLLBACK PREPARED 'gid'")
    with by_hand(shop) as swap:
        old = swap()
        follows = "SELECT database FROM pg_replication_slots"
        assert shop.query(follows) == [(old,)]  # the betrayal: its WAL is kept for ever
    report = json.loads(shop.succeed(*RESTORE, "--drop-slots", "--accept-loss", "all"))
    assert report["dropped_slots"] == ["theirs"]
    assert shop.query("SELECT FROM pg_replication_slots") == []
    assert items(shop) == 3


def test_a_session_on_a_standby_does_not_stay_in_the_old_database(
    server: OwnServer, shop: Shop, standby: OwnServer
) -> None:
    add(shop, 4)
    accept = ("--accept-loss", "4")
    done = shop.run(*RESTORE, *accept)
    assert done.returncode == 3
    assert "--replica ALIAS" in done.stdout

    with by_hand(shop) as swap, standby.connect() as session:
        await_rows(session, 7)
        swap()
        replayed(shop, standby)
        await_rows(session, 7)  # the betrayal: the live database is empty by now
    replayed(shop, standby)

    shop.variables["STANDBY_URL"] = standby.url
    with standby.connect() as session:
        await_rows(session, 7)
        report = json.loads(shop.succeed(*RESTORE, *accept, "--replica", "standby"))
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT count(*) FROM shop_item")
    assert report["warnings"] == []
    with standby.connect() as session:
        await_rows(session, 3)

    # A standby that does not follow: the swap stands, and the run is done.
    with standby.connect(dbname="postgres") as session:
        session.execute("SELECT pg_wal_replay_pause()")
        report = json.loads(
            shop.succeed(*RESTORE, "--replica", "standby", OUTAGE_BUDGET=1)
        )
        session.execute("SELECT pg_wal_replay_resume()")
    assert "did not replay it within 1 s" in report["warnings"][0]
    state = "SELECT state FROM migrationops_run ORDER BY started_at DESC LIMIT 1"
    assert shop.query(state) == [("done",)]


@contextmanager
def by_hand(shop: Shop) -> Iterator[Callable[[], str]]:
    """Give a function that puts an empty database in the place of the live one.

    It returns what that is called now. In the end everything is as it was.
    """
    live, old = shop.params["dbname"], "by_hand_old"
    with shop.connect(dbname="postgres") as connection:

        def rename(before: str, after: str) -> None:
            query = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            names = map(sql.Identifier, (before, after))
            connection.execute(query.format(*names))

        def swap() -> str:
            rename(live, old)
            connection.execute(f"CREATE DATABASE {live}".encode())
            return old

        yield swap
        names = connection.execute("SELECT datname FROM pg_database").fetchall()
        if (old,) in names:
            connection.execute(f"DROP DATABASE {live} WITH (FORCE)".encode())
            rename(old, live)


def replayed(shop: Shop, standby: OwnServer) -> None:
    """Wait until the standby is where the server was when this began."""
    with shop.connect(dbname="postgres") as connection:
        row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    deadline = time.monotonic() + 30
    with standby.connect(dbname="postgres") as session:
        query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        while session.execute(query, [row[0]]).fetchone() != (True,):
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def standby(server: OwnServer, shop: Shop) -> Iterator[OwnServer]:
    """Return a streaming copy of the server, made by pg_basebackup."""
    home = Path(tempfile.mkdtemp(prefix="standby-"))
    home.chmod(0o711)
    cluster = replace(server.cluster, home=home, socket=home / "socket")
    params = server.params
    host, port, user = params["host"], str(params["port"]), params["user"]
    subprocess.run(
        [
            server.programs / "pg_basebackup",
            *("-h", host, "-p", port, "-U", user),
            *("-D", cluster.data, "-R", "-c", "fast", "-X", "stream"),
        ],
        check=True,
    )
    for path in (cluster.data, *cluster.data.rglob("*")):
        cluster.programs.account.own(path)
    made = replace(server, cluster=cluster)
    made.start()
    yield made
    made.remove()


def await_rows(session: psycopg.Connection[Any], rows: int) -> None:
    deadline = time.monotonic() + 30
    query = "SELECT count(*) FROM shop_item"
    while session.execute(query).fetchone() != (rows,):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_clients_that_reconnect_never_see_half(shop: Shop) -> None:
    """Ten clients all through a restore: each sees the one state, then the other."""
    add(shop, 4)
    stop = threading.Event()
    clients = [Client(shop=shop, stop=stop) for _ in range(10)]
    threads = [threading.Thread(target=client.work) for client in clients]
    for thread in threads:
        thread.start()
    try:
        shop.succeed(*RESTORE, "--accept-loss", "4")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [client.seen for client in clients] == [[7, 3]] * 10
    assert {word for client in clients for word in client.refused} <= REFUSALS
    assert max(client.worst for client in clients) < 2.0


# What a client may be told, and only while names change.
REFUSALS = {"does not exist", "terminating connection", "closed the connection"}


@dataclass(slots=True, kw_only=True)
class Client:
    """Looks again and again; keeps what it saw, and how long it saw nothing."""

    shop: Shop
    stop: threading.Event
    seen: list[int] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    worst: float = 0.0

    def work(self) -> None:
        """Go on until told to stop, and then until it could look once more."""
        last, is_over = time.monotonic(), False
        while not is_over and time.monotonic() - last < 10:
            try:
                with self.shop.connect() as connection:
                    while not is_over:
                        is_over = self.stop.wait(0.01)
                        self._look(connection)
                        now = time.monotonic()
                        self.worst, last = max(self.worst, now - last), now
            except psycopg.OperationalError as exc:
                is_over = False
                self.refused.add(_kind(str(exc)))

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute("SELECT count(*) FROM shop_item").fetchall()[0]
        if self.seen[-1:] != [row[0]]:
            self.seen.append(row[0])


def _kind(message: str) -> str:
    return next((word for word in REFUSALS if word in message), message)
