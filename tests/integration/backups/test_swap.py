"""The swap itself: who is in its way, and a server that is lost in it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from config.embedded import DEFAULT_MAJOR
from migrationops.backups import derived, swap
from migrationops.backups.derived import Role
from migrationops.backups.source import open_source
from migrationops.exceptions import NeedsPersonError
from tests.outcome import refused
from tests.roles import needs_createdb
from tests.shop import FIRST, Shop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrationops.backups.derived import Derived
    from migrationops.postgres.databases import Connection
    from tests.nursery import Forked
    from tests.sandbox import Sandbox
    from tests.server import OwnServer

    Process = subprocess.Popen[str] | Forked

pytestmark = [needs_createdb, pytest.mark.postgres_tools]


@pytest.fixture
def incoming(sandbox: Sandbox) -> Derived:
    """Return an empty database that is to be swapped in."""
    made = derived.new_derived(sandbox.name, role=Role.BUILT, run="", backup="")
    sandbox.sql(f'CREATE DATABASE "{made.name}"', dbname="postgres")
    return made


def test_who_looks_into_the_incoming_database_is_no_obstacle(
    sandbox: Sandbox, incoming: Derived
) -> None:
    source = open_source(sandbox.alias, sandbox.conf())
    with sandbox.connect(incoming.name) as curious:
        swapped = swap.swap(source, incoming, "", lambda *_: None)
        with pytest.raises(psycopg.OperationalError):
            curious.execute("SELECT 1")
    assert sandbox.names() == {sandbox.name, swapped.kept.name}


def test_a_server_that_is_lost_leaves_it_to_a_person(
    sandbox: Sandbox, incoming: Derived
) -> None:
    found = open_source(sandbox.alias, sandbox.conf())
    params = dict(found.params)
    source = replace(found, params=params)

    def lose(connection: Connection, database: str) -> None:
        params["host"] = "/nowhere"
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(NeedsPersonError, match="whole or not at all") as caught:
        swap.swap(source, incoming, "", lose)
    assert "nothing was changed" not in str(caught.value).lower()
    assert "backups list" in caught.value.remedy
    assert sandbox.names() == {sandbox.name, incoming.name}


WRITTEN = """
SELECT xmin::text FROM pg_database WHERE oid = ANY (%(oids)s)
UNION ALL SELECT xmin::text FROM pg_shdescription
WHERE classoid = 'pg_database'::regclass AND objoid = ANY (%(oids)s)
UNION ALL SELECT xmin::text FROM pg_db_role_setting WHERE setdatabase = ANY (%(oids)s)
"""
NAMES = "SELECT datname, oid::bigint FROM pg_database WHERE datname = ANY (%s)"


def test_names_comments_and_settings_change_in_one_transaction(
    sandbox: Sandbox, incoming: Derived
) -> None:
    """Cut in two, a kill in between would leave nothing live, or the kept one lost."""
    source = open_source(sandbox.alias, sandbox.conf())
    swapped = swap.swap(source, incoming, "ours", lambda *_: None)
    with sandbox.connect("postgres") as connection:
        names = [sandbox.name, swapped.kept.name]
        oids = dict(connection.execute(NAMES, [names]).fetchall())
        rows = connection.execute(WRITTEN, {"oids": list(oids.values())}).fetchall()
    assert len(oids) == 2
    assert len(rows) == 5  # two names, two comments, one setting
    assert len(set(rows)) == 1


def test_a_failure_between_the_names_changes_nothing(
    sandbox: Sandbox, incoming: Derived
) -> None:
    source = open_source(sandbox.alias, sandbox.conf())
    with sandbox.connect("postgres") as connection:
        oid = dict(connection.execute(NAMES, [[incoming.name]]).fetchall())

    def spoil(connection: Connection, database: str) -> None:
        query = "SELECT datname FROM pg_database WHERE oid = %s"
        row = connection.execute(query, [oid[incoming.name]]).fetchone()
        assert row is not None
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        elsewhere = sql.Identifier(f"{incoming.name}_elsewhere")
        connection.execute(rename.format(sql.Identifier(row[0]), elsewhere))

    with pytest.raises(psycopg.Error):
        swap.swap(source, incoming, "", spoil)
    assert sandbox.names() == {sandbox.name, incoming.name}
    assert sandbox.sql("SELECT 1") == 1


@pytest.mark.own_server
@pytest.mark.faults  # three tries of a second each
def test_a_session_that_cannot_be_ended_keeps_nobody_out(
    make_server: Callable[..., OwnServer],
    tmp_path: Path,
) -> None:
    """One try blocks every login for a second, not for five; then it gives up."""
    server = make_server(major=int(os.environ.get("PG", DEFAULT_MAJOR)))
    shop = Shop(directory=tmp_path, url=server.url, params=server.params)
    shop.write("0001_expand_item", FIRST)
    shop.succeed("safe_migrate", POLICY={"backup": "none"})
    shop.succeed("backup")
    with server.connect() as stuck:
        pid = stuck.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        try:
            process = shop.start("restore", "--no-input")
            waits = list(logins(server, process))
            done = shop.finish(process)
        finally:
            os.kill(pid, signal.SIGCONT)
    refused(done, 5, "could not be ended within 1s, 3 times", "Nothing was changed")
    assert max(waits) < 4  # CREATE and RENAME DATABASE themselves would wait for 5 s
    assert "is ready to be swapped in" in done.stderr
    shop.succeed("restore", "--no-input")


def logins(server: OwnServer, process: Process) -> Iterator[float]:
    """Log in until the process ends; yield how long each took."""
    while process.poll() is None:
        started = time.monotonic()
        with suppress(psycopg.OperationalError), server.connect():
            yield time.monotonic() - started
