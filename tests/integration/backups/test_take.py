"""Taking a backup of a real database with the real pg_dump."""

from __future__ import annotations

import resource
import shutil
import stat
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from config.embedded import programs
from migrationops.backups import catalog, contents, directory
from migrationops.backups import snapshot as snapshots
from migrationops.backups.derived import Role
from migrationops.backups.engine import Job
from migrationops.backups.estimate import estimate
from migrationops.backups.obstacles import check_build
from migrationops.backups.pg_dump import PgDump
from migrationops.backups.source import open_source
from migrationops.backups.take import take_backup
from migrationops.conf import Proof
from migrationops.exceptions import (
    BackupError,
    ConfigurationError,
    PreconditionError,
    ToolMissingError,
)
from migrationops.postgres import tools
from migrationops.progress import Progress, State, silent
from tests.roles import needs_superuser

if TYPE_CHECKING:
    from pathlib import Path

    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools

SCHEMA = """
CREATE TABLE a (id serial PRIMARY KEY, body text);
INSERT INTO a (body) SELECT repeat(md5(i::text), 3) FROM generate_series(1, 2000) i;
CREATE TABLE p (k int) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
INSERT INTO p SELECT generate_series(0, 9);
CREATE SCHEMA "Zwei Wörter";
CREATE TABLE "Zwei Wörter"."o""dd" (t text);
INSERT INTO "Zwei Wörter"."o""dd" VALUES (E'a\\nCOPY public.a (id) FROM stdin;\\n'),
    (E'\\\\.'), (NULL);
SELECT lo_from_bytea(0, 'large');
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM a;
"""


def take(sandbox: Sandbox, proof: Proof = Proof.COUNTED) -> Manifest:
    return take_backup(
        alias=sandbox.alias,
        conf=sandbox.conf(),
        run_id="0123456789abcdef",
        proof=proof,
        report=silent,
    )


def test_a_backup_is_written_proven_and_listed(sandbox: Sandbox) -> None:
    sandbox.sql(SCHEMA)
    manifest = take(sandbox)
    assert {t.qualified_name: t.rows for t in manifest.tables} == {
        "public.a": 2000,
        "public.p1": 10,
        'Zwei Wörter.o"dd': 3,
    }
    assert manifest.proof.level is Proof.COUNTED
    assert manifest.proof.rows == 2014  # and one large object
    assert manifest.properties.owner
    listing = catalog.list_backups(sandbox.directory, sandbox.conf())
    assert listing == catalog.Listing(backups=(manifest,))
    for path in sandbox.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(sandbox.directory.stat().st_mode) == 0o700


def test_an_archive_is_read_back_while_it_is_written(sandbox: Sandbox) -> None:
    sandbox.sql(SCHEMA)
    source, told = open_source(sandbox.alias, sandbox.conf()), list[Progress]()
    place = directory.backup_directory(sandbox.conf())
    with directory.pending_file(place / "backup-x.dump") as pending:
        job = Job(
            id="backup-x",
            run="1",
            source=source,
            pending=pending,
            report=told.append,
            read_back=True,
        )
        taken = PgDump().take(job)
        again = PgDump().read_back(source, taken.manifest, pending.path)
    assert taken.rows == again
    assert taken.rows["public.a"] == 2000
    assert told[-1].done == told[-1].total == taken.manifest.size


def test_rows_written_after_the_snapshot_are_in_neither_dump_nor_count(
    sandbox: Sandbox,
) -> None:
    sandbox.sql(SCHEMA)
    written = []

    def insert_once(event: Progress) -> None:
        if event.state is State.ADVANCED and not written:
            written.append(sandbox.sql("INSERT INTO a (body) VALUES ('late')"))

    manifest = take_backup(
        alias=sandbox.alias,
        conf=sandbox.conf(),
        run_id="1",
        proof=Proof.COUNTED,
        report=insert_once,
    )
    assert written
    assert next(t.rows for t in manifest.tables if t.name == "a") == 2000
    assert sandbox.sql("SELECT count(*) FROM a") == 2001


def test_a_rewrite_in_flight_is_waited_for_and_its_rows_are_there(
    sandbox: Sandbox,
) -> None:
    """Betrayed so: with the snapshot first, the dump holds none of the rows."""
    sandbox.sql("CREATE TABLE r AS SELECT generate_series(1, 1000) AS n")
    assert _rows_after_rewrite_snapshot_first(sandbox) == 0
    rewriting = sandbox.connect()
    rewriting.execute("BEGIN")
    rewriting.execute("ALTER TABLE r ALTER n TYPE bigint")
    timer = threading.Timer(0.5, rewriting.commit)
    timer.start()
    manifest = take(sandbox)
    timer.join()
    rewriting.close()
    assert [t.rows for t in manifest.tables] == [1000]


def _rows_after_rewrite_snapshot_first(sandbox: Sandbox) -> int:
    """Do what pg_dump does by itself: snapshot, then lock."""
    rewriting, dumping = sandbox.connect(), sandbox.connect()
    rewriting.execute("BEGIN")
    rewriting.execute("ALTER TABLE r ALTER n TYPE numeric")
    dumping.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    dumping.execute("SELECT 1")
    rewriting.commit()
    dumping.execute("LOCK TABLE r IN ACCESS SHARE MODE")
    row = dumping.execute("SELECT count(*) FROM r").fetchone()
    rewriting.close()
    dumping.close()
    assert row is not None
    return int(row[0])


def test_a_lock_that_does_not_come_is_refused_with_its_holder(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "LOCK_WAIT", 0.2)
    sandbox.sql("CREATE TABLE a (id int)")
    with sandbox.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(
            PreconditionError, match=f"pid {holder.info.backend_pid} .* on a"
        ):
            take(sandbox)
        holder.rollback()
    assert _nothing_left(sandbox)


@needs_superuser("makes a role")
def test_row_security_is_refused(sandbox: Sandbox) -> None:
    role = f"{sandbox.name}_reader"
    sandbox.sql(
        "CREATE TABLE secret (id int); ALTER TABLE secret ENABLE ROW LEVEL SECURITY;"
        f"CREATE ROLE {role} LOGIN; GRANT SELECT ON secret TO {role}"
    )
    url = psycopg.conninfo.make_conninfo("", **{**sandbox.params, "user": role})
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "migrationops.postgres.databases.get_conf",
                lambda: sandbox.conf(operator_url=url),
            )
            with pytest.raises(PreconditionError, match=r"Row security .* secret"):
                take(sandbox)
    finally:
        sandbox.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert _nothing_left(sandbox)


def test_a_disk_that_is_full_leaves_nothing_and_says_so(sandbox: Sandbox) -> None:
    sandbox.sql(SCHEMA)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(BackupError, match="No backup was made"):
            take(sandbox)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _nothing_left(sandbox)


def test_room_is_asked_for_where_the_copy_is_kept(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ready copy is made on the live server, and PROOF_URL is another's."""
    manifest = take(sandbox)
    few = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: few)
    with pytest.raises(PreconditionError, match="restored copy needs about") as told:
        take_backup(
            alias=sandbox.alias,
            conf=sandbox.conf(proof_url="postgresql:///elsewhere"),
            run_id="1",
            proof=Proof.RESTORED,
            report=silent,
            keep=Role.READY,
        )
    assert "leave --ready-copy out and set PROOF_URL" in told.value.remedy
    source = open_source(sandbox.alias, sandbox.conf())
    with (
        source.maintenance() as connection,
        pytest.raises(PreconditionError, match="restored copy needs about") as told,
    ):
        check_build(connection, source, manifest)
    assert told.value.remedy.endswith("backups expire --apply).")


def test_who_waits_for_a_restore_may_be_idle(sandbox: Sandbox) -> None:
    source = open_source(sandbox.alias, sandbox.conf())
    hasty = {**source.params, "options": "-c idle_session_timeout=1000"}
    with replace(source, params=hasty).maintenance() as connection:
        found = connection.execute("SHOW idle_session_timeout").fetchone()
    assert found == ("0",)


def test_an_interrupt_leaves_nothing_and_ends_pg_dump(sandbox: Sandbox) -> None:
    sandbox.sql(SCHEMA)

    def interrupt(event: Progress) -> None:
        if event.state is State.ADVANCED:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_backup(
            alias=sandbox.alias,
            conf=sandbox.conf(),
            run_id="1",
            proof=Proof.COUNTED,
            report=interrupt,
        )
    assert _nothing_left(sandbox)
    assert _sessions_end(sandbox)


def test_leftovers_of_the_dead_are_collected_and_those_of_the_living_are_not(
    sandbox: Sandbox,
) -> None:
    sandbox.directory.mkdir(mode=0o700)
    dead = sandbox.directory / "backup-test-1-x-1.dump.partial"
    dead.write_bytes(b"half")
    living = sandbox.directory / "backup-test-1-x-2.dump"
    with directory.pending_file(living) as pending:
        take(sandbox, Proof.DECODED)
        assert pending.path.exists()
        assert not dead.exists()


def test_a_directory_that_cannot_be_used_is_named(sandbox: Sandbox) -> None:
    sandbox.directory.write_text("a file")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        take(sandbox)


def test_a_protected_environment_wants_a_place_that_outlives_the_host(
    sandbox: Sandbox,
) -> None:
    conf = sandbox.conf(environment="production", signing_keys=["k"])
    with pytest.raises(ConfigurationError, match="disk of this host"):
        take_backup(
            alias=sandbox.alias, conf=conf, run_id="1", proof=Proof.NONE, report=silent
        )


def test_what_could_not_be_signed_is_not_dumped(sandbox: Sandbox) -> None:
    sandbox.directory.mkdir(mode=0o700)
    conf = sandbox.conf(environment="production", backup_dir_outlives_host=True)
    events: list[Progress] = []
    with pytest.raises(ConfigurationError, match=r"SIGNING_KEYS.*Nothing was changed"):
        take_backup(
            alias=sandbox.alias,
            conf=conf,
            run_id="1",
            proof=Proof.NONE,
            report=events.append,
        )
    assert events == []


def test_programs_of_another_major_are_refused_with_the_package(
    tmp_path: Path,
) -> None:
    with pytest.raises(ToolMissingError) as caught:
        tools.find_programs(99, [tmp_path])
    assert "postgresql-client-99" in caught.value.remedy
    assert "found:" in str(caught.value)


@pytest.mark.parametrize(("server", "client"), [(18, 16), (16, 18)])
def test_an_older_and_a_newer_client_are_refused(server: int, client: int) -> None:
    directories = programs.directories()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        with pytest.raises(
            ToolMissingError, match=f"of version {server}; found: "
        ) as e:
            tools.find_programs(server, [directories[client]])
    assert str(directories[client]) in str(e.value)


def test_a_backup_is_estimated_by_the_one_before(sandbox: Sandbox) -> None:
    sandbox.sql(SCHEMA)
    with sandbox.connect() as connection:
        guessed = estimate(connection, sandbox.conf(), Proof.RESTORED)
        assert (guessed.basis, guessed.dump_bytes > 0) == ("", True)
        manifest = take(sandbox)
        known = estimate(connection, sandbox.conf(), Proof.COUNTED)
        more = estimate(connection, sandbox.conf(), Proof.RESTORED)
        grown = contents.database_bytes(connection) / manifest.database_bytes
    assert known.basis == manifest.id
    assert known.dump_bytes == pytest.approx(manifest.size * grown, rel=0.01)
    took = manifest.dump_seconds + manifest.proof.seconds
    assert known.seconds == pytest.approx(took * grown, rel=0.01)
    assert more.seconds > manifest.dump_seconds
    assert (known.server_bytes, more.server_bytes > 0) == (0, True)


def _nothing_left(sandbox: Sandbox) -> bool:
    return not sandbox.directory.exists() or not any(sandbox.directory.iterdir())


def _sessions_end(sandbox: Sandbox) -> bool:
    """Wait until the server has no session of pg_dump in this database."""
    for _ in range(100):
        if not sandbox.sql(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'migrationops' "
            "AND backend_type = 'client backend' AND state <> 'idle'"
        ):
            return True
        time.sleep(0.05)
    return False
