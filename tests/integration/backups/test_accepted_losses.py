"""Nothing written since the backup is lost unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrationops.backups import losses, restore
from migrationops.backups.derived import Role
from migrationops.backups.losses import Accepted
from migrationops.backups.source import open_source
from migrationops.conf import get_conf
from migrationops.exceptions import (
    RefusedError,
)
from migrationops.progress import Progress, State
from migrationops.workflows.restore import Request, restore_backup
from tests.integration.backups.restoring import beside, put_back, take
from tests.roles import AS_OWNER, needs_superuser

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
FAULTS = pytest.mark.faults


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


def test_the_losses_of_a_quiet_database_are_none(box: Sandbox) -> None:
    manifest = take(box)
    source = open_source(box.alias, get_conf())
    look = restore.look(source, manifest)
    assert look.losses.at_most == 0
