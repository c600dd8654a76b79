"""Backups go back: beside, verified, swapped in, and nothing is lost unsaid."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from migrationops.backups import build, catalog, derived, losses, restore, swap
from migrationops.backups import manifest as manifests
from migrationops.backups.derived import Role
from migrationops.backups.engine import RestoreTask
from migrationops.backups.losses import Accepted
from migrationops.backups.pg_dump import PgDump
from migrationops.backups.source import open_source
from migrationops.conf import Proof, get_conf
from migrationops.exceptions import (
    BackupError,
    FailedError,
    LockedError,
    ManifestError,
    PreconditionError,
    RefusedError,
    StampError,
)
from migrationops.postgres import tools
from migrationops.postgres.locks import runner_lock
from migrationops.postgres.properties import read_properties
from migrationops.progress import Progress, State, silent
from migrationops.workflows.aftermath import Aftermath
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.confirmation import Ask
from migrationops.workflows.restore import Request, restore_backup
from migrationops.workflows.restored import Report
from tests.integration.backups.inventory import Rows, inventory, unused_types
from tests.roles import AS_OWNER, needs_createdb, needs_superuser

if TYPE_CHECKING:
    import pytest_django.fixtures

    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
FAULTS = pytest.mark.faults
NO_OWNER = needs_superuser("has a ready copy of everything")
OBJECTS = Path(__file__).with_name("objects.sql").read_text()
ITEMS = """
CREATE TABLE item (id serial PRIMARY KEY, name text);
INSERT INTO item (name) SELECT 'item ' || i FROM generate_series(1, 100) i;
"""


def take(box: Sandbox) -> Manifest:
    return backup(BackupRequest(alias=box.alias, proof=Proof.COUNTED), silent).backup


def put_back(box: Sandbox, ask: Ask | None = None, **values: Any) -> Report:
    request = Request(alias=box.alias, accept_missing=bool(AS_OWNER), **values)
    return restore_backup(request, silent, ask)


def beside(box: Sandbox) -> dict[str, Role]:
    with box.connect("postgres") as connection:
        found = derived.find_derived(connection, box.name)
    return {d.name: d.role for d in found}


@pytest.fixture
def box(stamped: Sandbox) -> Sandbox:
    """Return a sandbox with a hundred items."""
    stamped.sql(ITEMS)
    return stamped


def test_the_live_database_is_replaced_and_kept_beside(box: Sandbox) -> None:
    box.sql("ANALYZE item")
    manifest = take(box)
    assert {m.app for m in manifest.migrations} == {"migrationops"}
    assert all(len(m.source) == 64 for m in manifest.migrations)
    report = put_back(box, lambda: box.name)
    assert report.backup == manifest.id
    assert report.losses.at_most == 0
    assert report.rows == manifest.rows
    assert beside(box) == {report.kept: Role.KEPT}
    assert box.sql("SELECT count(*) FROM item") == 100
    # The planner knows its tables at once.
    assert box.sql("SELECT count(*) FROM pg_stats WHERE tablename = 'item'") == 2
    assert box.sql("SELECT reltuples FROM pg_class WHERE relname = 'item'") == 100
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        box.sql("DELETE FROM item", dbname=report.kept)


@needs_superuser("restores an event trigger")
@pytest.mark.parametrize(
    "how",
    [
        {},
        pytest.param({"jobs": 2}, marks=FAULTS),
        pytest.param({"ready_copy": True}, marks=FAULTS),
        pytest.param({"engine": "template"}, marks=FAULTS),
    ],
    ids=str,
)
def test_every_kind_of_object_is_the_same_after(
    stamped: Sandbox, how: dict[str, Any]
) -> None:
    stamped.sql(OBJECTS)
    before = _inventory(stamped)
    assert [kind for kind, found in before.items() if not found] == []
    texts = _plain_dump(stamped), _row_hashes(stamped)
    backup(BackupRequest(alias=stamped.alias, **how), silent)
    put_back(stamped, from_ready_copy="ready_copy" in how)
    after = _inventory(stamped)
    assert {k: v for k, v in after.items() if v != before[k]} == {}
    assert (_plain_dump(stamped), _row_hashes(stamped)) == texts


@needs_superuser("makes every kind of object")
def test_every_type_of_the_server_is_among_them(sandbox: Sandbox) -> None:
    sandbox.sql(OBJECTS)
    with sandbox.connect() as connection:
        assert unused_types(connection) == []


@needs_superuser("makes a role")
def test_what_belongs_to_the_name_stays_with_it(box: Sandbox) -> None:
    name = sql.Identifier(box.name).as_string()
    role = f"{box.name}_r"
    box.sql(
        f"CREATE ROLE {role};"
        f"COMMENT ON DATABASE {name} IS 'the one and only';"
        f"ALTER DATABASE {name} SET search_path = '$user', public, \"Odd, one\";"
        f"ALTER DATABASE {name} SET work_mem = '5MB';"
        f"ALTER DATABASE {name} SET \"my.setting\" = 'it''s';"
        f"ALTER ROLE {role} IN DATABASE {name} SET statement_timeout = '7s';"
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;"
        f"GRANT CONNECT ON DATABASE {name} TO {role} WITH GRANT OPTION;"
        f"ALTER DATABASE {name} CONNECTION LIMIT 77"
    )
    try:
        with box.connect() as connection:
            before = read_properties(connection)
        manifest = take(box)
        assert manifest.properties == before
        box.sql(f"ALTER DATABASE {name} SET work_mem = '6MB'")  # since the backup
        with box.connect() as connection:
            now = read_properties(connection)
        put_back(box)
        with box.connect() as connection:
            assert read_properties(connection) == now != before
            assert connection.execute("SHOW my.setting").fetchone() == ("it's",)
    finally:
        box.drop()
        box.sql(f"DROP ROLE {role}", dbname="postgres")
        box.create()


def test_writes_since_the_backup_refuse_the_restore_and_are_counted(
    box: Sandbox,
) -> None:
    take(box)
    box.sql("DELETE FROM item WHERE id <= 10; UPDATE item SET name = 'x' WHERE id = 11")
    with pytest.raises(RefusedError, match=r"at most 11 rows .*public\.item: 11") as e:
        put_back(box)
    assert "--accept-loss 11" in e.value.remedy
    assert box.sql("SELECT count(*) FROM item") == 90
    assert beside(box) == {}
    with pytest.raises(RefusedError):
        put_back(box, accepted=Accepted(rows=10))
    report = put_back(box, accepted=Accepted(rows=11), list_losses=True)
    assert box.sql("SELECT count(*) FROM item") == 100
    assert report.differences is not None
    (difference,) = report.differences
    assert (difference.lost, difference.returned, difference.changed) == (0, 10, 1)
    assert difference.keys == ("(11)",)


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE item",
        pytest.param(
            "SELECT pg_stat_reset();DELETE FROM item",  # 100 writes, as before
            marks=needs_superuser("resets statistics"),
        ),
        pytest.param("ALTER TABLE item ALTER id TYPE bigint", marks=FAULTS),
        pytest.param("DROP TABLE item", marks=FAULTS),
        pytest.param("DROP TABLE item; CREATE TABLE item (id int)", marks=FAULTS),
        pytest.param("CREATE TABLE n (a int); TRUNCATE n", marks=FAULTS),
    ],
)
def test_what_the_counters_cannot_tell_is_unknown_and_never_zero(
    box: Sandbox, statement: str
) -> None:
    take(box)
    for part in statement.split(";"):
        box.sql(part)
    with pytest.raises(RefusedError, match="an unknown number of rows"):
        put_back(box)
    put_back(box, accepted=Accepted(rows=None))
    assert box.sql("SELECT count(*) FROM item") == 100


def test_rows_of_a_new_table_and_large_objects_are_losses(box: Sandbox) -> None:
    take(box)
    box.sql(
        "CREATE TABLE fresh AS SELECT generate_series(1, 7);"
        "SELECT lo_from_bytea(0, 'abc')"
    )
    with pytest.raises(RefusedError, match=r"public\.fresh: 7"):
        put_back(box, accepted=Accepted(rows=1))


def test_writes_in_the_last_moment_call_the_swap_off(box: Sandbox) -> None:
    """A session that is idle reports its writes only when it is ended."""
    take(box)
    request = Request(alias=box.alias, accept_missing=bool(AS_OWNER))
    with box.connect() as late:

        def write(event: Progress) -> None:
            if event.label == "swap":
                late.execute("INSERT INTO item (name) VALUES ('late')")

        with pytest.raises(RefusedError, match="at most 1 row"):
            restore_backup(request, write)
    assert box.sql("SELECT count(*) FROM item WHERE name = 'late'") == 1
    assert list(beside(box).values()) == [Role.BUILT]
    put_back(box, accepted=Accepted(rows=1))
    assert list(beside(box).values()) == [Role.KEPT]


def test_writes_in_the_last_moment_that_are_accepted_are_told(box: Sandbox) -> None:
    take(box)
    request = Request(
        alias=box.alias, accept_missing=bool(AS_OWNER), accepted=Accepted(rows=100)
    )
    with box.connect() as late:

        def write(event: Progress) -> None:
            if (event.label, event.state) == ("swap", State.STARTED):
                late.execute("INSERT INTO item (name) VALUES ('late')")

        told = restore_backup(request, write).losses.at_most
    assert told is not None
    assert told >= 1


@pytest.mark.parametrize(("since", "total"), [(0, 2), (3, 5), (-1, None)])
def test_what_came_since_is_added_and_a_reset_is_unknown(
    since: int, total: int | None
) -> None:
    seen = losses.Losses(tables=(losses.TableLoss(table="item", at_most=2),))
    assert seen.and_since(since).at_most == total


def test_the_lock_outlives_the_swap(box: Sandbox) -> None:
    """Whoever comes while the new database is live already still finds it held."""
    take(box)
    found: list[str] = []

    def come(event: Progress) -> None:
        if (event.label, event.state) == ("swap", State.DONE):
            found.extend(role for role in beside(box).values())
            with (
                pytest.raises(LockedError, match="Another runner"),
                runner_lock(
                    box.alias, maintenance_db="postgres", wait=0, application=""
                ),
            ):
                pytest.fail("two runners hold the lock")

    request = Request(alias=box.alias, accept_missing=bool(AS_OWNER))
    restore_backup(request, come)
    assert found == [Role.KEPT]


def test_history_goes_along(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the swap: killed right after it, what is live has its history."""
    monkeypatch.setattr(Aftermath, "carry_history", lambda *_: pytest.fail("too late"))
    take(box)
    box.sql("UPDATE migrationops_run SET error = 'seen later' WHERE command = 'backup'")
    report = put_back(box)
    assert report.history_rows >= 2
    assert box.sql("SELECT error FROM migrationops_run WHERE command = 'backup'") == (
        "seen later"
    )
    assert box.sql(
        "SELECT report->>'kept' FROM migrationops_run "
        "WHERE command = 'restore' AND state = 'done'"
    ) == (report.kept)


@NO_OWNER
def test_the_ready_copy_is_swapped_in_without_being_built(box: Sandbox) -> None:
    ready_copy = BackupRequest(alias=box.alias, ready_copy=True)
    backup(ready_copy, silent)
    manifest = backup(ready_copy, silent).backup
    assert list(beside(box).values()) == [Role.READY]
    (copy,) = beside(box)
    with pytest.raises(psycopg.OperationalError, match="not currently accepting"):
        box.connect(copy)
    box.sql("UPDATE item SET name = 'new'")
    with box.connect("postgres") as connection:
        oid = _oid(connection, copy)
        report = put_back(
            box, from_ready_copy=True, accepted=Accepted(rows=100), list_losses=True
        )
        assert _oid(connection, box.name) == oid
    assert report.backup == manifest.id
    assert box.sql("SELECT count(*) FROM item WHERE name = 'new'") == 0
    with pytest.raises(RefusedError, match="no ready copy"):
        put_back(box, from_ready_copy=True, accepted=Accepted(rows=None))


def test_into_a_new_name_leaves_the_live_one_alone(box: Sandbox) -> None:
    take(box)
    box.sql("DELETE FROM item")
    other = f"{box.name[:30]}_other"
    report = put_back(box, into=other)
    assert report.kept == ""
    assert box.sql("SELECT count(*) FROM item", dbname=other) == 100
    assert box.sql("SELECT count(*) FROM item") == 0
    assert beside(box) == {}
    with pytest.raises(RefusedError, match="already"):
        put_back(box, into=other)


def test_a_name_typed_wrong_is_refused(box: Sandbox) -> None:
    take(box)
    with pytest.raises(RefusedError, match="is called"):
        put_back(box, lambda: "other")
    assert beside(box) == {}


def test_one_flipped_bit_is_refused_before_anything_is_built(box: Sandbox) -> None:
    manifest = take(box)
    path = box.directory / manifest.file.name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match="SHA-256 differs"):
        put_back(box)
    assert beside(box) == {}


def test_an_archive_without_the_counted_rows_is_refused_and_dropped(
    box: Sandbox,
) -> None:
    manifest = take(box)
    tables = tuple(
        replace(t, rows=101) if t.name == "item" else t for t in manifest.tables
    )
    wrong = manifests.sign(replace(manifest, tables=tables), get_conf())
    catalog.write(box.directory, wrong)
    with pytest.raises(BackupError, match="has 100 rows instead of 101"):
        put_back(box)
    assert beside(box) == {}


def test_a_backup_of_another_environment_needs_trust(
    box: Sandbox, settings: pytest_django.fixtures.SettingsWrapper
) -> None:
    """Its stamp lies in the archive, and does not come along."""
    stamp_as = "UPDATE migrationops_stamp SET environment = '{}'"
    ours = {**settings.MIGRATIONOPS, "SIGNING_KEYS": ["theirs and ours"]}
    box.sql(stamp_as.format("development"))
    settings.MIGRATIONOPS = {**ours, "ENVIRONMENT": "development"}
    take(box)
    box.sql(stamp_as.format("test"))
    settings.MIGRATIONOPS = ours
    with pytest.raises(ManifestError, match="backup of development"):
        put_back(box)
    put_back(box, trust=True, accepted=Accepted(rows=None))
    assert box.sql("SELECT environment FROM migrationops_stamp") == "test"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(
            {"database_bytes": 10**18},
            r"needs about 1,100,000,000,000\.0 MB .* are free",
            marks=needs_superuser("is told where the data lie"),
            id="size",
        ),
        pytest.param(
            {"server_version": "99.1"},
            r"is of PostgreSQL 99, this server is \d+",
            id="major",
        ),
    ],
)
def test_what_cannot_be_restored_here_is_refused_before_it_is_begun(
    box: Sandbox, wrong: dict[str, Any], message: str
) -> None:
    manifest = replace(take(box), **wrong)
    catalog.write(box.directory, manifests.sign(manifest, get_conf()))
    with pytest.raises(PreconditionError, match=message) as caught:
        put_back(box)
    assert "Nothing was changed" in str(caught.value)
    assert beside(box) == {}


def test_a_database_of_another_environment_is_refused(box: Sandbox) -> None:
    take(box)
    box.sql("UPDATE migrationops_stamp SET environment = 'production'")
    with pytest.raises(StampError):
        put_back(box)


def test_another_runner_is_waited_for_and_then_refused(box: Sandbox) -> None:
    take(box)
    with (
        runner_lock(box.alias, maintenance_db="postgres", wait=0, application="x"),
        pytest.raises(LockedError),
    ):
        put_back(box, wait=0.2)


def test_what_fails_after_the_swap_is_a_warning(box: Sandbox) -> None:
    absent = derived.new_derived(box.name, role=Role.KEPT, run="1", backup="b")
    source = open_source(box.alias, get_conf())
    after = Aftermath(source=source, conf=get_conf(), kept=absent)
    assert after.differences() is None
    assert "the rows were not compared" in after.warnings[0]
    assert after.drop_slots() == ()
    assert len(after.warnings) == 1


@needs_createdb
def test_half_built_databases_of_the_dead_are_dropped(box: Sandbox) -> None:
    take(box)
    dead = derived.new_derived(box.name, role=Role.BUILDING, run="1", backup="b")
    unlabelled = derived.derived_name(box.name)
    strangers = f"{box.name}_deadbeef"
    with box.connect("postgres") as connection:
        for name in (dead.name, unlabelled, strangers):
            query = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
            connection.execute(query.format(sql.Identifier(name)))
        derived.describe(connection, dead)
    put_back(box)
    assert list(beside(box).values()) == [Role.KEPT]
    assert strangers in box.names()


def test_nobody_looks_into_what_is_being_built(box: Sandbox) -> None:
    """Whom the live one's grants keep out would see all of it."""
    manifest, seen = take(box), list[bool]()
    source = open_source(box.alias, get_conf())

    class Looking(PgDump):
        def restore(self, task: RestoreTask) -> tuple[str, ...]:
            query = "SELECT has_database_privilege('pg_monitor', %s, 'CONNECT')"
            seen.append(box.sql(query, [task.dbname]))
            return super().restore(task)

    archive = box.directory / manifest.archive
    build.build(
        Looking(),
        source,
        manifest,
        archive,
        role=Role.BUILT,
        run="",
        accept_missing=True,
    )
    assert seen == [False]


@needs_createdb
def test_those_of_the_living_are_left_alone(box: Sandbox) -> None:
    """Two may prove at once; neither drops what the other is filling."""
    source = open_source(box.alias, get_conf())
    made = derived.new_derived(box.name, role=Role.SCRATCH, run="", backup="")
    box.sql(f'CREATE DATABASE "{made.name}"', dbname="postgres")
    with source.maintenance() as other:
        with derived.claimed(source, made.name) as connection:
            derived.describe(connection, made)
            assert derived.collect_abandoned(other, box.name) == ()
        assert derived.collect_abandoned(other, box.name) == (made,)
    assert beside(box) == {}


@pytest.mark.parametrize("ready", [False, pytest.param(True, marks=[NO_OWNER, FAULTS])])
def test_a_built_database_is_taken_up_by_the_next_run(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, ready: bool
) -> None:
    """The same command goes on, after it was killed right before the swap."""
    backup(BackupRequest(alias=box.alias, ready_copy=ready), silent)

    def fail(*_: Any) -> None:
        raise FailedError("not swapped", remedy="none")

    with monkeypatch.context() as patch:
        patch.setattr(swap, "swap", fail)
        with pytest.raises(FailedError):
            put_back(box, from_ready_copy=ready)
    (built,) = beside(box)
    with box.connect("postgres") as connection:
        oid = _oid(connection, built)
        report = put_back(box, from_ready_copy=ready)
        assert _oid(connection, box.name) == oid
        assert _oid(connection, report.kept) != oid


@FAULTS
@pytest.mark.parametrize("ready", [False, pytest.param(True, marks=NO_OWNER)])
def test_one_that_was_written_to_meanwhile_is_not_swapped_in(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, ready: bool
) -> None:
    backup(BackupRequest(alias=box.alias, ready_copy=ready), silent)

    def fail(*_: Any) -> None:
        raise FailedError("not swapped", remedy="none")

    with monkeypatch.context() as patch:
        patch.setattr(swap, "swap", fail)
        with pytest.raises(FailedError):
            put_back(box, from_ready_copy=ready)
    (built,) = beside(box)
    box.sql("DELETE FROM item WHERE id = 1", dbname=built)
    with nullcontext() if not ready else pytest.raises(RefusedError, match="no ready"):
        put_back(box, from_ready_copy=ready)
    assert box.sql("SELECT count(*) FROM item") == 100
    assert list(beside(box).values()) == ([] if ready else [Role.KEPT])


@needs_createdb
def test_a_name_of_63_characters_is_restored_twice(stamped: Sandbox) -> None:
    long = replace(stamped, name=stamped.name.ljust(63, "x"))
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    names = sql.Identifier(stamped.name), sql.Identifier(long.name)
    connections[stamped.alias].close()
    stamped.sql(rename.format(*names).as_string(), dbname="postgres")
    connections[stamped.alias].settings_dict["NAME"] = long.name
    take(long)
    kept = {put_back(long).kept, put_back(long).kept}
    assert len(kept) == 2
    assert set(beside(long)) == kept


@needs_superuser("marks an index as INVALID")
@pytest.mark.parametrize("engine", ["pg_dump", pytest.param("template", marks=FAULTS)])
def test_an_invalid_index_is_told_of_or_comes_along(box: Sandbox, engine: str) -> None:
    """A dump is without it, and says nothing."""
    box.sql("CREATE UNIQUE INDEX twice ON item (name)")
    box.sql(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'twice'::regclass"
    )
    request = BackupRequest(alias=box.alias, engine=engine, proof=Proof.RESTORED)
    assert backup(request, silent).backup.invalid_indexes == ("public.twice",)
    report = put_back(box)
    there = box.sql("SELECT to_regclass('twice') IS NOT NULL")
    named = "INDEX public.twice, which was INVALID" in report.missing
    assert (there, named) == ((False, True) if engine == "pg_dump" else (True, False))


def test_clients_that_reconnect_see_the_one_or_the_other(box: Sandbox) -> None:
    manifest = take(box)
    box.sql("UPDATE item SET name = 'new'")
    clients = _Clients(box, count=6)
    with clients:
        put_back(box, accepted=Accepted(rows=100))
    assert clients.seen <= {(100, 0), (100, 100)}
    assert (100, 0) in clients.seen
    assert clients.unexpected == []
    assert manifest.rows


class _Clients:
    """Threads that connect, look at every row, and connect again."""

    def __init__(self, box: Sandbox, count: int) -> None:
        self.seen: set[tuple[int, int]] = set()
        self.unexpected: list[str] = []
        self._box = box
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(count)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.wait(0.3)
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                with self._box.connect() as connection:
                    while not self._stop.wait(0.005):  # or they take all of a core
                        row = connection.execute(
                            "SELECT count(*), count(*) FILTER (WHERE name = 'new') "
                            "FROM item"
                        ).fetchone()
                        assert row is not None
                        self.seen.add((row[0], row[1]))
            except (
                psycopg.errors.AdminShutdown,
                psycopg.errors.InvalidCatalogName,
                psycopg.OperationalError,
            ):
                self._stop.wait(0.01)
            except Exception as exc:
                self.unexpected.append(repr(exc))
                return


def test_the_losses_of_a_quiet_database_are_none(box: Sandbox) -> None:
    manifest = take(box)
    source = open_source(box.alias, get_conf())
    look = restore.look(source, manifest)
    assert look.losses.at_most == 0


def _oid(connection: psycopg.Connection[Any], name: str) -> int:
    query = "SELECT oid::bigint FROM pg_database WHERE datname = %s"
    row = connection.execute(query, [name]).fetchone()
    assert row is not None
    return int(row[0])


def _inventory(box: Sandbox) -> dict[str, Rows]:
    with box.connect() as connection:
        return inventory(connection)


def _plain_dump(box: Sandbox) -> list[str]:
    """Return everything pg_dump knows, without what a run writes for itself."""
    source = open_source(box.alias, get_conf())
    text = tools.run(
        source.programs,
        "pg_dump",
        "--exclude-table-data=migrationops_*",
        "--exclude-table-data=django_migrations",
        environment=source.environment(),
    )
    return [
        line
        for line in text.splitlines()
        if not line.startswith(("\\restrict", "\\unrestrict"))
        and "migrationops_" not in line
    ]


def _row_hashes(box: Sandbox) -> dict[str, tuple[Any, ...]]:
    with box.connect() as connection:
        names = connection.execute(
            "SELECT oid::regclass::text FROM pg_class "
            "WHERE relkind IN ('r', 'm') AND relispopulated "
            "AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' "
            "AND relname !~ '^migrationops_' ORDER BY 1"
        ).fetchall()
        return {
            name: connection.execute(
                "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) "
                f"FROM ONLY {name} t".encode()
            ).fetchone()
            or ()
            for (name,) in names
        }
