"""A restore builds beside, swaps in and keeps; who comes meanwhile, and after."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from migrationops.backups import derived
from migrationops.backups.derived import Role
from migrationops.backups.losses import Accepted
from migrationops.backups.source import open_source
from migrationops.conf import get_conf
from migrationops.exceptions import (
    LockedError,
    RefusedError,
)
from migrationops.postgres.locks import runner_lock
from migrationops.progress import Progress, State
from migrationops.workflows.aftermath import Aftermath
from migrationops.workflows.restore import Request, restore_backup
from tests.integration.backups.restoring import beside, put_back, take
from tests.roles import AS_OWNER, needs_createdb

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools


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


@pytest.mark.faults
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
