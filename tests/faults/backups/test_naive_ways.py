"""More ways in which a backup betrays its user: locks, formats, versions, names.

As in test_betrayals.py the naive way is shown first, by the program itself.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from config.embedded import programs
from migrationops.backups import derived, swap
from migrationops.backups.derived import Role
from migrationops.backups.source import open_source
from tests.roles import needs_createdb, needs_superuser
from tests.shop import FIRST, Shop

if TYPE_CHECKING:
    from tests.sandbox import Sandbox
    from tests.server import OwnServer

pytestmark = pytest.mark.postgres_tools


def client(
    params: dict[str, Any], *arguments: str, major: int = 18, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a client program as anyone would."""
    directory = programs.directories()[major]
    environ = {
        "PGHOST": params["host"],
        "PGPORT": str(params.get("port", 5432)),
        "PGUSER": params["user"],
        "PGDATABASE": params["dbname"],
    }
    return subprocess.run(
        [directory / arguments[0], *arguments[1:]],
        env={**os.environ, **environ, "PGTZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def params_of(box: Sandbox) -> dict[str, Any]:
    return {**box.params, "dbname": box.name}


def major() -> int:
    return int(os.environ.get("PG", 18))


@needs_createdb
def test_a_truncated_tar_is_restored_in_part_and_all_is_said_to_be_well(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.sql("CREATE TABLE item AS SELECT generate_series(1, 9000) n")
    archive, params = tmp_path / "dump.tar", params_of(sandbox)
    client(params, "pg_dump", "-Ft", "-f", str(archive), major=major())
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) * 6 // 10])
    other = f"{sandbox.name[:40]}_tar"
    sandbox.sql(f"CREATE DATABASE {other}", dbname="postgres")
    restore = ("pg_restore", "-d", other, str(archive))
    assert ends_well(params, *restore)  # the betrayal
    assert sandbox.sql("SELECT count(*) FROM item", dbname=other) < 9000
    # An archive of ours never is one: test_betrayals.py.


def ends_well(params: dict[str, Any], *arguments: str) -> bool:
    """Tell whether nobody is told of a failure: it ends with 0, or never."""
    try:
        done = client(params, *arguments, major=major(), timeout=5)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode == 0


@pytest.mark.faults
@needs_createdb
def test_a_restore_into_a_half_migrated_database_fails_or_mixes(
    opened_shop: Shop, tmp_path: Path
) -> None:
    shop = opened_shop
    shop.execute("INSERT INTO shop_item (name) VALUES ('kept')")
    dump = tmp_path / "dump"
    params = dict(shop.params)
    assert (
        client(params, "pg_dump", "-Fc", "-f", str(dump), major=major()).returncode == 0
    )
    shop.succeed("backup")
    shop.execute(
        "CREATE TABLE of_the_migration (item bigint REFERENCES shop_item);"
        "DELETE FROM shop_item"
    )
    clean = ("pg_restore", "--clean", "-d", params["dbname"], str(dump))
    assert client(params, *clean, major=major()).returncode != 0  # the betrayal
    assert shop.columns("of_the_migration")  # of both times at once

    shop.succeed("restore", "--no-input", "--accept-loss", "all")
    assert not shop.columns("of_the_migration")
    assert shop.query("SELECT name FROM shop_item") == [("kept",)]


def test_closing_a_database_before_a_rename_may_leave_it_closed(
    sandbox: Sandbox,
) -> None:
    name = sql.Identifier(sandbox.name)
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with sandbox.connect("postgres") as connection:
        connection.execute(allow.format(name, sql.SQL("false")))
    with pytest.raises(psycopg.OperationalError, match="not currently accepting"):
        sandbox.connect()  # the betrayal: whoever did it is dead by now
    with sandbox.connect("postgres") as connection:
        connection.execute(allow.format(name, sql.SQL("true")))

    incoming = derived.new_derived(sandbox.name, role=Role.BUILT, run="", backup="")
    sandbox.sql(f'CREATE DATABASE "{incoming.name}"', dbname="postgres")
    source = open_source(sandbox.alias, sandbox.conf())

    def dies(connection: psycopg.Connection[Any], database: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swap.swap(source, incoming, "", dies)
    assert sandbox.sql("SELECT 1") == 1
    assert incoming.name in sandbox.names()


@pytest.mark.faults
def test_a_lock_timeout_in_pgoptions_is_ignored_by_pg_dump(sandbox: Sandbox) -> None:
    sandbox.sql("CREATE TABLE item (id int)")
    params = params_of(sandbox)
    naive = f"dbname={sandbox.name} options='-c lock_timeout=100ms'"
    dump, limited = ("pg_dump", "-d"), "--lock-wait-timeout=100"
    with sandbox.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(subprocess.TimeoutExpired):  # the betrayal
            client(params, *dump, naive, major=major(), timeout=3)
        done = client(params, *dump, sandbox.name, limited, major=major())
        holder.rollback()
    assert "LOCK TABLE public.item" in done.stderr


@pytest.mark.faults
@pytest.mark.own_server
@needs_superuser("starts servers of its own")
def test_a_newer_pg_dump_cannot_be_taken_back(
    make_server: Callable[..., OwnServer], tmp_path: Path
) -> None:
    server = make_server(major=16)
    params = server.params
    with server.connect() as connection:
        connection.execute("CREATE TABLE item AS SELECT generate_series(1, 9) n")
        connection.execute("CREATE DATABASE other")
    dump = str(tmp_path / "dump")
    assert client(params, "pg_dump", "-Fc", "-f", dump).returncode == 0  # the betrayal
    for version in (16, 18):
        done = client(params, "pg_restore", "-e", "-d", "other", dump, major=version)
        assert done.returncode != 0
        assert re.search("unsupported version|transaction_timeout", done.stderr)


@pytest.mark.faults
@pytest.mark.own_server
@needs_superuser("starts servers of its own")
def test_a_lock_table_that_is_too_small_is_named_with_its_size(
    make_server: Callable[..., OwnServer], tmp_path: Path
) -> None:
    """Two hold each lock; and all of a restore in one transaction holds far more."""
    small = {"max_locks_per_transaction": "10", "max_connections": "20"}
    server = make_server(major=major(), settings=small)
    shop = Shop(directory=tmp_path, url=server.url, params=server.params)
    tables = "".join(
        f"CREATE TABLE t{i} (id serial PRIMARY KEY, a int UNIQUE, b text);"
        for i in range(300)
    )
    for start in range(0, 300, 20):
        shop.execute(";".join(tables.split(";")[start : start + 20]))
    dump, params = str(tmp_path / "dump"), server.params
    naive = client(params, "pg_dump", "-Fc", "-f", dump, major=major())
    assert naive.returncode == 0
    with server.connect() as connection:
        connection.execute("CREATE DATABASE other")
    one = ("pg_restore", "--single-transaction", "-d", "other", dump)
    done = client(params, *one, major=major())
    assert "out of shared memory" in done.stderr  # the betrayal

    shop.write("0001_expand_item", FIRST)
    shop.succeed(
        "stamp_environment", "--env", "development", "--name", params["dbname"]
    )

    refused = shop.run("backup")
    assert refused.returncode == 3
    needed = re.search(r"Set max_locks_per_transaction to (\d+)", refused.stderr)
    assert needed
    assert not list((tmp_path / "backups").glob("*"))
