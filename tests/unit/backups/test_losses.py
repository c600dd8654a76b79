"""What two readings of the counters say was lost: never less than it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrationops.backups.counters import Counters, TableCounters
from migrationops.backups.losses import Accepted, OwnWrites, compare

ITEM = TableCounters(
    schema="public",
    name="item",
    oid=7,
    relfilenode=7,
    inserted=100,
    updated=20,
    deleted=3,
)
BEFORE = Counters(database=1, resets=("wal", "bgwriter", "database"), tables=(ITEM,))
NOTHING_OF_OURS = OwnWrites()


def after(*tables: TableCounters) -> Counters:
    return replace(BEFORE, tables=tables)


@pytest.mark.parametrize("kind", ["inserted", "updated", "deleted"])
def test_each_kind_of_write_is_a_loss(kind: str) -> None:
    now = after(replace(ITEM, **{kind: getattr(ITEM, kind) + 5}))
    assert compare(BEFORE, now, NOTHING_OF_OURS).at_most == 5


def test_what_is_ours_is_subtracted_and_no_more() -> None:
    now = after(replace(ITEM, inserted=110))
    assert compare(BEFORE, now, OwnWrites(rows={7: 8})).at_most == 2
    (loss,) = compare(BEFORE, now, OwnWrites(rows={7: 11})).tables
    assert (loss.at_most, loss.why) == (None, "counts backwards")


@pytest.mark.parametrize("which", range(3))
def test_after_any_reset_the_same_number_is_unknown(which: int) -> None:
    """Counted anew up to just what it was, it would seem that nothing was written."""
    resets = list(BEFORE.resets)
    resets[which] = "later"
    now = replace(BEFORE, resets=tuple(resets))
    assert compare(BEFORE, now, NOTHING_OF_OURS).at_most is None


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (after(replace(ITEM, relfilenode=8)), "was rewritten or truncated"),
        (after(replace(ITEM, inserted=99)), "counts backwards"),
        (after(), "was dropped"),
        (after(ITEM, replace(ITEM, oid=9, relfilenode=10)), "is new"),
    ],
)
def test_what_the_counters_cannot_tell_is_unknown(now: Counters, why: str) -> None:
    (loss,) = compare(BEFORE, now, NOTHING_OF_OURS).tables
    assert (loss.at_most, loss.why) == (None, why)


def test_rewrites_of_ours_explain_a_file_only_as_a_chain() -> None:
    now = after(replace(ITEM, relfilenode=9))
    whole = OwnWrites(files={7: [(7, 8), (8, 9)]})
    assert compare(BEFORE, now, whole).at_most == 0
    for files in ([(7, 8)], [(8, 9)], [(7, 8), (5, 9)]):
        assert compare(BEFORE, now, OwnWrites(files={7: files})).at_most is None


@pytest.mark.parametrize(
    ("rows", "at_most", "covered"),
    [(0, 0, True), (0, 1, False), (5, 5, True), (5, 6, False), (5, None, False)],
)
def test_the_unknown_is_covered_by_all_alone(
    rows: int, at_most: int | None, covered: bool
) -> None:
    assert Accepted(rows=rows).covers(at_most) is covered
    assert Accepted(rows=None).covers(at_most)
