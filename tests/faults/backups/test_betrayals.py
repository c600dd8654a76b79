"""How a backup betrays its user: first the naive way is shown to, then ours is not.

The rewriting ALTER in flight stands in tests/integration/backups/test_take.py, kills
in test_kills.py.
"""

from __future__ import annotations

import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from migrationops.backups import catalog, derived, losses, restore, swap, verify
from migrationops.backups.counters import read_counters
from migrationops.backups.derived import Role
from migrationops.backups.losses import OwnWrites
from migrationops.backups.pg_dump import PgDump
from migrationops.backups.proof import Archive, prove
from migrationops.backups.source import Source, open_source
from migrationops.backups.take import take_backup
from migrationops.conf import Proof
from migrationops.exceptions import BackupError
from migrationops.progress import silent

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox
    from tests.server import OwnServer

pytestmark = pytest.mark.postgres_tools
ITEMS = """
CREATE TABLE item AS
SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 9000) i
"""


def take(box: Sandbox) -> Manifest:
    return take_backup(
        alias=box.alias,
        conf=box.conf(),
        run_id="1",
        proof=Proof.COUNTED,
        report=silent,
    )


def ends_well(source: Source, *arguments: str) -> bool:
    """Run a client program as anyone would; return whether it exits 0."""
    command = [source.programs.path(arguments[0]), *arguments[1:]]
    done = subprocess.run(
        command, env=source.environment(), capture_output=True, timeout=60, check=False
    )
    return done.returncode == 0


def test_a_truncated_dump_looks_whole_to_pg_restore(sandbox: Sandbox) -> None:
    sandbox.sql(ITEMS)
    manifest = take(sandbox)
    source = open_source(sandbox.alias, sandbox.conf())
    path = sandbox.directory / manifest.file.name
    path.write_bytes(path.read_bytes()[: manifest.size * 2 // 3])
    assert ends_well(source, "pg_restore", "--list", str(path))  # the betrayal
    listing = catalog.list_backups(sandbox.directory, sandbox.conf())
    assert listing.backups == ()
    assert "it is damaged" in listing.unusable[0].problem


def test_truncated_sql_is_valid_sql(sandbox: Sandbox, tmp_path: Path) -> None:
    """Plain SQL is an export; a backup is an archive that has an end."""
    sandbox.sql("CREATE TABLE a AS SELECT generate_series(1, 5000) n")
    source = open_source(sandbox.alias, sandbox.conf())
    plain = tmp_path / "plain.sql"
    assert ends_well(source, "pg_dump", "-f", str(plain))
    text = plain.read_bytes()
    cut = text.index(b"COPY public.a")
    plain.write_bytes(text[:cut])
    other = f"{sandbox.name[:40]}_cut"
    sandbox.sql(f"CREATE DATABASE {other}", dbname="postgres")
    assert ends_well(
        source, "psql", "-v", "ON_ERROR_STOP=1", "-d", other, "-f", str(plain)
    )
    assert sandbox.sql("SELECT count(*) FROM a", dbname=other) == 0  # the betrayal
    assert take(sandbox).format == "custom"


@pytest.mark.parametrize(
    "flips", [12, pytest.param(200, marks=pytest.mark.faults)], ids=str
)
def test_every_flipped_bit_is_found(sandbox: Sandbox, flips: int) -> None:
    sandbox.sql(ITEMS)
    manifest = take(sandbox)
    source = open_source(sandbox.alias, sandbox.conf())
    path = sandbox.directory / manifest.file.name
    whole, dice, missed = path.read_bytes(), random.Random(1), 0
    for _ in range(flips):
        content = bytearray(whole)
        # In the data, which --list does not read.
        content[dice.randrange(len(whole) // 2, len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
        missed += ends_well(source, "pg_restore", "--list", str(path))
        with pytest.raises(BackupError, match="SHA-256 differs"):
            verify.check_file(path, manifest.file)
    assert missed > flips // 2  # the betrayal


def test_a_flipped_bit_that_pg_restore_reads_over_is_found(sandbox: Sandbox) -> None:
    """In the time of the dump's making, which nothing else depends on."""
    sandbox.sql(ITEMS)
    manifest = take(sandbox)
    source = open_source(sandbox.alias, sandbox.conf())
    path = sandbox.directory / manifest.archive
    content = bytearray(path.read_bytes())
    content[13] ^= 1
    path.write_bytes(content)
    assert ends_well(source, "pg_restore", "-f", "/dev/null", str(path))  # the betrayal
    with pytest.raises(BackupError, match="SHA-256 differs"):
        prove(PgDump(), source, Archive(manifest=manifest, path=path), Proof.DECODED)


def test_an_archive_that_lacks_counted_rows_is_no_backup(sandbox: Sandbox) -> None:
    """Every block of it can be read, and it lacks a row: only counting tells."""
    sandbox.sql(ITEMS)
    manifest = take(sandbox)
    (item,) = manifest.tables
    more = replace(manifest, tables=(replace(item, rows=item.rows + 1),))
    source = open_source(sandbox.alias, sandbox.conf())
    path = sandbox.directory / manifest.archive
    archive = Archive(manifest=more, path=path)
    assert prove(PgDump(), source, archive, Proof.DECODED).level is Proof.DECODED
    with pytest.raises(BackupError, match=r"public\.item: 9,000 instead of 9,001"):
        prove(PgDump(), source, archive, Proof.COUNTED)


def test_counting_by_xmin_says_that_a_thousand_deletes_are_nothing(
    sandbox: Sandbox,
) -> None:
    sandbox.sql(ITEMS)
    manifest = take(sandbox)
    before = sandbox.sql("SELECT pg_current_xact_id()::text::bigint")
    sandbox.sql("DELETE FROM item WHERE id <= 1000")
    by_xmin = "SELECT count(*) FROM item WHERE xmin::text::bigint >= %s"
    assert sandbox.sql(by_xmin, [before]) == 0  # the betrayal
    source = open_source(sandbox.alias, sandbox.conf())
    assert restore.look(source, manifest).losses.at_most == 1000


@pytest.mark.own_server
def test_counting_transactions_takes_an_analyze_for_a_write(sandbox: Sandbox) -> None:
    sandbox.sql(ITEMS)
    source, manifest = open_source(sandbox.alias, sandbox.conf()), take(sandbox)
    assigned = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
    with sandbox.connect() as connection, connection.transaction():
        connection.execute("SELECT count(*) FROM item")
        assert connection.execute(assigned).fetchone() == (False,)
        connection.execute("ANALYZE item")
        assert connection.execute(assigned).fetchone() == (True,)  # the betrayal
    assert restore.look(source, manifest).losses.at_most == 0


def test_a_crash_zeroes_the_counters_and_we_say_unknown(own_server: OwnServer) -> None:
    with own_server.connect() as connection:
        connection.execute("CREATE TABLE item (id int)")
        connection.execute("INSERT INTO item SELECT generate_series(1, 500)")
    with own_server.connect() as connection:
        before = read_counters(connection)
    own_server.kill()
    own_server.start()
    with own_server.connect() as connection:
        connection.execute("DELETE FROM item")
    with own_server.connect() as connection:
        now = read_counters(connection)
    (item,) = [t for t in now.tables if t.name == "item"]
    assert item.writes == 500  # the betrayal: as many as before, and all are gone
    assert losses.compare(before, now, OwnWrites()).at_most is None


def test_clients_that_reconnect_defeat_terminate_then_rename_and_not_us(
    sandbox: Sandbox,
) -> None:
    sandbox.sql("CREATE TABLE item (id int)")
    incoming = derived.new_derived(sandbox.name, role=Role.BUILT, run="", backup="")
    sandbox.sql(f'CREATE DATABASE "{incoming.name}"', dbname="postgres")
    source = open_source(sandbox.alias, sandbox.conf())
    with reconnecting(sandbox, clients=8):
        assert naive_swap_gives_up(sandbox)  # the betrayal
        swapped = swap.swap(source, incoming, "", lambda *_: None)
    assert swapped.kept.name in sandbox.names()
    assert sandbox.sql("SELECT to_regclass('item')") is None


def naive_swap_gives_up(box: Sandbox, tries: int = 200) -> bool:
    """End all sessions, then rename; say whether a client was ever quicker."""
    name, aside = sql.Identifier(box.name), sql.Identifier(f"{box.name[:40]}_aside")
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with box.connect("postgres") as connection:
        connection.execute("SET statement_timeout = '1s'")
        for _ in range(tries):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s",
                [box.name],
            )
            try:
                connection.execute(rename.format(name, aside))
            except psycopg.Error:
                return True
            connection.execute(rename.format(aside, name))
    return False


@contextmanager
def reconnecting(box: Sandbox, *, clients: int) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                with box.connect() as connection:
                    while not stop.wait(0.01):
                        connection.execute("SELECT 1")
            except psycopg.OperationalError:
                continue

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        stop.wait(0.3)
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_timestamp_after_a_long_name_is_cut_off_and_collides() -> None:
    name = "x" * 63
    naive = {f"{name}_before_{n}".encode()[:63] for n in range(5)}
    assert len(naive) == 1  # the betrayal
    ours = {derived.derived_name(name) for _ in range(5)}
    assert len(ours) == 5
    assert all(len(n.encode()) < 63 for n in ours)


def test_a_file_at_the_final_name_is_no_backup(sandbox: Sandbox) -> None:
    """What other tools leave when they are killed; the mode is theirs too."""
    sandbox.directory.mkdir(mode=0o700)
    half = sandbox.directory / "backup-test-20260101T000000Z-x-1.dump"
    half.write_bytes(b"PGDMP half")
    listing = catalog.list_backups(sandbox.directory, sandbox.conf())
    assert listing.backups == ()
    assert listing.leftovers == (half.name,)
    manifest = take(sandbox)
    assert (sandbox.directory / manifest.file.name).stat().st_mode & 0o077 == 0
