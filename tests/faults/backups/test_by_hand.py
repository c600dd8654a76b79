"""The same by hand, by the programs themselves: what is lost, held up or given away.

Ours stands in tests/integration/backups: test_take.py (row security), test_sameness.py
(what belongs to the name), test_tools.py (orphans), in tests/commands: test_secrets.py
(passwords), test_blockers.py (who queues).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from migrationops.postgres.properties import read_properties
from tests.faults.backups.test_naive_ways import client, major, params_of
from tests.roles import needs_createdb, needs_superuser, role
from tests.shop import program_directory

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
AT_WORK = """
SELECT 1 FROM pg_stat_activity a JOIN pg_locks l USING (pid)
WHERE application_name = 'pg_dump' AND relation = %s::regclass AND granted = %s
"""


@needs_superuser("makes a role")
def test_with_row_security_enabled_rows_are_missing_and_all_is_said_to_be_well(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    dump = str(tmp_path / "dump")
    sandbox.sql("CREATE TABLE item AS SELECT generate_series(1, 100) AS n")
    sandbox.sql("ALTER TABLE item ENABLE ROW LEVEL SECURITY")
    with role(sandbox.params, "CREATEDB") as name:
        sandbox.sql(f"GRANT SELECT ON item TO {name}")
        params = {**params_of(sandbox), "user": name}
        enable = ("pg_dump", "--enable-row-security", "-t", "item", "-f", dump)
        assert client(params, *enable, major=major()).returncode == 0  # the betrayal
        sandbox.sql(f"DROP OWNED BY {name}")
    rows = Path(dump).read_text().split("FROM stdin;\n")[1]
    assert rows.startswith("\\.")


@needs_createdb
def test_what_belongs_to_the_name_does_not_come_along(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    name, other, dump = sandbox.name, f"{sandbox.name[:40]}_by_hand", tmp_path / "dump"
    for statement in (
        f"COMMENT ON DATABASE {name} IS 'ours'",
        f"ALTER DATABASE {name} SET work_mem = '5MB'",
        f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
        f"ALTER DATABASE {name} CONNECTION LIMIT 77",
        f"CREATE DATABASE {other}",
    ):
        sandbox.sql(statement)
    params = params_of(sandbox)
    for command in (
        ("pg_dump", "-Fc", "-f", str(dump)),
        ("pg_restore", "-d", other, str(dump)),
    ):
        assert client(params, *command, major=major()).returncode == 0
    with sandbox.connect() as live, sandbox.connect(other) as restored:
        before, after = read_properties(live), read_properties(restored)
    assert (before.comment, before.connection_limit) == ("ours", 77)
    assert before.settings
    assert before.grants
    # The betrayal, four times.
    assert (after.comment, after.connection_limit) == ("", -1)
    assert (after.settings, after.grants) == ((), None)


@pytest.mark.skipif(major() < 18, reason="there is no older one here")
def test_an_older_pg_dump_refuses_and_leaves_an_empty_file(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """As from cron, after an upgrade of the server: the file of last night is this."""
    dump = tmp_path / "dump"
    dump.write_bytes(b"last night's")
    done = client(params_of(sandbox), "pg_dump", "-Fc", "-f", str(dump), major=16)
    assert "server version mismatch" in done.stderr
    assert dump.stat().st_size == 0  # the betrayal


@pytest.fixture
def holder(sandbox: Sandbox) -> Iterator[psycopg.Connection]:
    """Keep a dump in the middle: it has locked one table and waits for the other."""
    sandbox.sql("CREATE TABLE item AS SELECT generate_series(1, 100) AS n")
    sandbox.sql("CREATE TABLE later (n int)")
    with sandbox.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE later IN ACCESS EXCLUSIVE MODE")
        yield connection
        connection.rollback()


def in_the_middle(box: Sandbox, *, ends: bool = False) -> None:
    """Wait until a dump is, or until none is any more."""
    deadline = time.monotonic() + 30
    with box.connect() as connection:
        while (
            bool(
                connection.execute(AT_WORK, ["later", False]).fetchone()
                and connection.execute(AT_WORK, ["item", True]).fetchone()
            )
            == ends
        ):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def uri(box: Sandbox) -> str:
    user, host, port = (box.params[key] for key in ("user", "host", "port"))
    return f"postgresql://{user}:s3cret@/{box.name}?host={host}&port={port}"


def test_a_password_in_a_uri_is_everyones_and_an_orphan_holds_its_locks(
    sandbox: Sandbox, holder: psycopg.Connection, tmp_path: Path
) -> None:
    program, dump = str(program_directory() / "pg_dump"), str(tmp_path / "dump")
    code = (
        "import subprocess, sys; child = subprocess.Popen(sys.argv[1:]); "
        "print(child.pid, flush=True); child.wait()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, program, "-f", dump, "-d", uri(sandbox)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    in_the_middle(sandbox)
    assert b"s3cret" in Path(f"/proc/{pid}/cmdline").read_bytes()  # the betrayal
    parent.kill()
    parent.wait()
    parent.stdout.close()
    in_the_middle(sandbox)  # the other betrayal: nobody waits for it any more
    assert Path(f"/proc/{pid}").exists()
    holder.rollback()
    in_the_middle(sandbox, ends=True)


def test_who_queues_behind_a_dump_keeps_every_reader_out(
    sandbox: Sandbox, holder: psycopg.Connection, tmp_path: Path
) -> None:
    program, dump = program_directory() / "pg_dump", str(tmp_path / "dump")
    dumping = subprocess.Popen([program, "-f", dump, "-d", uri(sandbox)])
    in_the_middle(sandbox)
    with sandbox.connect() as reader, sandbox.connect() as changing:
        reader.execute("SET lock_timeout = '200ms'")
        assert reader.execute("SELECT count(*) FROM item").fetchone() == (100,)
        # Sent, and not waited for.
        changing.pgconn.send_query(b"ALTER TABLE item ADD added int")
        waiting = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
        while not reader.execute(waiting, [changing.info.backend_pid]).fetchone():
            time.sleep(0.01)
        with pytest.raises(psycopg.errors.LockNotAvailable):  # the betrayal
            reader.execute("SELECT count(*) FROM item")
        changing.cancel_safe()
        while changing.pgconn.get_result():
            pass
    holder.rollback()
    assert dumping.wait(30) == 0
