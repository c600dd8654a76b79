"""Databases that are there already: ready copies, and what a killed run built."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from migrationops.backups import build, derived, swap
from migrationops.backups.derived import Role
from migrationops.backups.engine import RestoreTask
from migrationops.backups.losses import Accepted
from migrationops.backups.pg_dump import PgDump
from migrationops.backups.source import open_source
from migrationops.conf import get_conf
from migrationops.exceptions import (
    FailedError,
    RefusedError,
)
from migrationops.progress import silent
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from tests.integration.backups.restoring import beside, put_back, take
from tests.roles import needs_createdb, needs_superuser

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
FAULTS = pytest.mark.faults
NO_OWNER = needs_superuser("has a ready copy of everything")


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


def built_and_not_swapped(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, *, ready: bool
) -> str:
    """Stop a restore right before its swap; return what it has built."""

    def fail(*_: Any) -> None:
        raise FailedError("not swapped", remedy="none")

    with monkeypatch.context() as patch:
        patch.setattr(swap, "swap", fail)
        with pytest.raises(FailedError):
            put_back(box, from_ready_copy=ready)
    (built,) = beside(box)
    return built


@pytest.mark.parametrize("ready", [False, pytest.param(True, marks=[NO_OWNER, FAULTS])])
def test_a_built_database_is_taken_up_by_the_next_run(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, ready: bool
) -> None:
    """The same command goes on, after it was killed right before the swap."""
    backup(BackupRequest(alias=box.alias, ready_copy=ready), silent)
    built = built_and_not_swapped(box, monkeypatch, ready=ready)
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
    built = built_and_not_swapped(box, monkeypatch, ready=ready)
    box.sql("DELETE FROM item WHERE id = 1", dbname=built)
    with nullcontext() if not ready else pytest.raises(RefusedError, match="no ready"):
        put_back(box, from_ready_copy=ready)
    assert box.sql("SELECT count(*) FROM item") == 100
    assert list(beside(box).values()) == ([] if ready else [Role.KEPT])


def _oid(connection: psycopg.Connection[Any], name: str) -> int:
    query = "SELECT oid::bigint FROM pg_database WHERE datname = %s"
    row = connection.execute(query, [name]).fetchone()
    assert row is not None
    return int(row[0])
