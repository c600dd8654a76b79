"""Rows get their values a few at a time, whatever happens in between."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import OperationalError, migrations, models
from django.db.migrations.writer import MigrationWriter
from django.db.models import F, Q, Value
from django.db.models.functions import Upper

from migrationops.exceptions import RefusedError
from migrationops.operations import Backfill, run_backfills
from migrationops.postgres import activity, databases
from tests.integration.operations.ground import (
    APP,
    SCHEMA,
    Ground,
    Migration,
    state_with,
)

if TYPE_CHECKING:
    from pathlib import Path

    from migrationops.progress import Progress

ROWS = 3000


def things(**options: Any) -> Any:
    return migrations.CreateModel(
        name="Thing",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.TextField()),
            ("loud", models.TextField(null=True, db_column="LO ud")),
        ],
        **options,
    )


def loud(**pace: Any) -> Backfill:
    return Backfill("thing", {"loud": Upper("name")}, Q(loud__isnull=True), **pace)


@pytest.fixture
def filled(ground: Ground) -> Ground:
    ground.apply(state_with(), things())
    ground.run(
        "INSERT INTO shop_thing (name) SELECT 'n' || g FROM generate_series(1, %s) g",
        [ROWS],
    )
    return ground


def missing(ground: Ground) -> int:
    query = 'SELECT count(*) FROM shop_thing WHERE "LO ud" IS DISTINCT FROM upper(name)'
    return int(ground.run(query)[0][0])


class Batches:
    """Counts the UPDATEs and ends our backend before one of them (from 1)."""

    def __init__(self, *, last: int = 0) -> None:
        self.last = last
        self.count = 0

    def __call__(self, execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        self.count += sql.startswith("UPDATE")
        if sql.startswith("UPDATE") and self.count == self.last:
            execute("SELECT pg_terminate_backend(pg_backend_pid())", None, *rest)
        return execute(sql, params, *rest)


def test_every_row_gets_its_value_in_several_batches(filled: Ground) -> None:
    batches = Batches()
    told: list[Progress] = []
    operation = loud()
    operation.report = told.append

    with filled.connection.execute_wrapper(batches):
        filled.apply(state_with(things()), operation)

    assert missing(filled) == 0
    assert batches.count > 2
    dones = [event.done for event in told]
    assert dones == sorted(dones)
    assert (dones[-1], told[-1].unit) == (ROWS, "rows")


def test_each_batch_is_committed_and_a_killed_run_goes_on(filled: Ground) -> None:
    state = state_with(things())
    kills, rests = 0, [ROWS]
    while missing(filled):
        try:
            with filled.connection.execute_wrapper(Batches(last=2)):
                filled.apply(state, loud())
        except OperationalError:
            filled.connection.close()
            kills += 1
        rests.append(missing(filled))

    assert kills >= 3
    assert rests == sorted(set(rests), reverse=True), "each try must get further"


def test_a_second_run_changes_nothing(filled: Ground) -> None:
    state = state_with(things())
    filled.apply(state, loud())
    before = filled.run("SELECT sum(xmin::text::bigint) FROM shop_thing")

    filled.apply(state, loud())

    assert filled.run("SELECT sum(xmin::text::bigint) FROM shop_thing") == before


def test_rows_that_do_not_match_are_left_alone(filled: Ground) -> None:
    operation = Backfill("thing", {"loud": Value("x")}, Q(id__lte=10))

    filled.apply(state_with(things()), operation)

    assert filled.run('SELECT count("LO ud") FROM shop_thing') == [(10,)]


def test_a_row_lock_of_another_is_waited_for_holding_nothing(filled: Ground) -> None:
    """The writer that holds row 150 then needs row 1, which a batch locks first."""
    with databases.connect("default", autocommit=False) as writer:
        writer.execute(f"SET search_path = {SCHEMA}; SET lock_timeout = '20s'")
        writer.execute("UPDATE shop_thing SET name = 'mine' WHERE id = 150")
        gave_way = threading.Event()

        def finish() -> None:
            gave_way.wait(20)
            writer.execute("UPDATE shop_thing SET name = 'mine' WHERE id = 1")
            writer.commit()

        def notice(execute: Any, sql: str, *rest: Any) -> Any:
            try:
                return execute(sql, *rest)
            except OperationalError as exc:
                if isinstance(exc.__cause__, psycopg.errors.LockNotAvailable):
                    gave_way.set()
                raise

        thread = threading.Thread(target=finish)
        thread.start()
        with filled.connection.execute_wrapper(notice):
            filled.apply(state_with(things()), loud())
        thread.join()

    assert gave_way.is_set()
    assert missing(filled) == 0


def test_uuid_keys_and_values_from_other_columns(ground: Ground) -> None:
    table = migrations.CreateModel(
        name="Coded",
        fields=[
            ("code", models.UUIDField(primary_key=True)),
            ("a", models.IntegerField()),
            ("b", models.IntegerField(null=True)),
        ],
    )
    ground.apply(state_with(), table)
    ground.run(
        "INSERT INTO shop_coded (code, a)"
        " SELECT gen_random_uuid(), g FROM generate_series(1, 900) g"
    )

    operation = Backfill("coded", {"b": F("a") * 2}, Q(b__isnull=True))
    ground.apply(state_with(table), operation)

    wrong = ground.run("SELECT count(*) FROM shop_coded WHERE b IS DISTINCT FROM a * 2")
    assert wrong == [(0,)]


def test_it_waits_while_the_server_is_crowded(filled: Ground) -> None:
    """Two sessions are at work until they were seen to hold the backfill up."""
    gate = databases.connect("default")
    gate.execute("SELECT pg_advisory_lock(7)")
    busy = [databases.connect("default") for _ in range(2)]
    threads = [
        threading.Thread(target=b.execute, args=["SELECT pg_advisory_lock_shared(7)"])
        for b in busy
    ]
    untouched: list[Any] = []

    def open_the_gate() -> None:
        while activity.load(gate).active < len(busy):
            time.sleep(0.01)
        started.set()
        time.sleep(0.3)
        query = f'SELECT count("LO ud") FROM {SCHEMA}.shop_thing'
        untouched.append(gate.execute(query).fetchone())
        gate.execute("SELECT pg_advisory_unlock(7)")

    started = threading.Event()
    threads.append(threading.Thread(target=open_the_gate))
    for thread in threads:
        thread.start()
    started.wait(20)

    filled.apply(state_with(things()), loud(max_active=1))

    for thread in threads:
        thread.join()
    for connection in (gate, *busy):
        connection.close()
    assert untouched == [(0,)]
    assert missing(filled) == 0


def test_a_task_runs_it_later_by_the_migration_name(
    filled: Ground, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / APP / "migrations"
    package.mkdir(parents=True)
    for directory in (package, package.parent):
        directory.joinpath("__init__.py").touch()
    initial = Migration("0001_initial", [things()])
    second = Migration("0002_backfill_loud", [loud()])
    second.dependencies = [(APP, initial.name)]
    for migration in (initial, second):
        source = MigrationWriter(migration).as_string()
        opening = "class Migration(migrations.Migration):\n"
        source = source.replace(opening, f"{opening}    atomic = False\n")
        package.joinpath(f"{migration.name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, APP]

    run_backfills(APP, "0002_backfill_loud")

    assert missing(filled) == 0


def test_it_is_refused_inside_a_transaction(filled: Ground) -> None:
    state = state_with(things())
    with (
        filled.connection.schema_editor(atomic=True) as editor,
        pytest.raises(RefusedError, match="transaction"),
    ):
        loud().database_forwards(APP, editor, state, state)

    assert missing(filled) == ROWS


def test_it_survives_being_written_to_a_file() -> None:
    migration = migrations.Migration("0002_backfill_loud", APP)
    migration.operations = [loud(batch_seconds=0.5, max_active=3)]

    source = MigrationWriter(migration).as_string()
    namespace: dict[str, Any] = {}
    exec(compile(source, "0002", "exec"), namespace)

    (again,) = namespace["Migration"].operations
    assert again.deconstruct() == migration.operations[0].deconstruct()
    assert "max_lag" not in source
