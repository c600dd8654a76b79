from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrationops.backups.manifest import Manifest
from migrationops.backups.proof_record import ProofRecord
from migrationops.backups.retention import Retention, choose
from migrationops.conf import Proof
from migrationops.exceptions import ConfigurationError
from tests.unit.backups.test_manifest import MANIFEST, PARTIAL, PAUSED, POINT

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def backup(age: float, *, proven: bool = True, run: str = "") -> Manifest:
    """Return a backup so many days old."""
    level = Proof.COUNTED if proven else Proof.NONE
    return replace(
        MANIFEST,
        id=f"backup-{age}",
        run=run,
        started=NOW - timedelta(days=age),
        proof=ProofRecord(level=level),
    )


def kept(backups: list[Manifest], **numbers: int) -> list[str]:
    none = {"last": 0, "days": 0, "daily": 0, "weekly": 0, "monthly": 0}
    expiry = choose(backups, Retention(**{**none, **numbers}), now=NOW)
    return [k.id for k in expiry.kept]


def test_an_empty_retention_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="every backup"):
        kept([backup(1)])


def test_for_ever_is_a_number_of_days_too() -> None:
    backups = [backup(400), backup(1), backup(-1)]
    assert len(kept(backups, days=10**12)) == 3
    assert kept(backups, days=2) == ["backup-1", "backup--1"]


def test_the_newest_of_each_day_week_and_month_stays() -> None:
    backups = [backup(age) for age in (0, 0.1, 1, 1.1, 2, 30, 60, 61, 400)]
    assert kept(backups, daily=2) == ["backup-1", "backup-0"]
    assert kept(backups, monthly=3) == ["backup-60", "backup-30", "backup-0"]
    assert kept(backups, weekly=2) == ["backup-1", "backup-0"]


def test_unproven_ones_do_not_count_and_do_not_push_good_ones_out() -> None:
    backups = [backup(5), *(backup(age, proven=False) for age in (1, 2, 3))]
    assert kept(backups, last=1) == ["backup-5"]


def test_a_restore_point_pushes_no_dump_out_nor_a_dump_a_point() -> None:
    point = replace(backup(0), point=POINT)
    assert kept([backup(1), point], daily=1) == ["backup-1", "backup-0"]
    assert kept([backup(2), backup(1), point], last=1) == ["backup-1", "backup-0"]


def partial(age: float, run: str) -> Manifest:
    return replace(backup(age, run=run), id=f"part-{run}", part=PARTIAL.part)


def test_a_part_goes_with_the_restore_points_of_its_run() -> None:
    point = replace(backup(1, run="a"), point=POINT)
    backups = [backup(3), point, *(partial(0, run) for run in "abcd")]
    expiry = choose(
        backups,
        Retention(last=1, days=0, daily=0, weekly=0, monthly=0),
        now=NOW,
        needed_runs=frozenset("c"),
        lasting_runs=frozenset("d"),
    )
    kept = {k.id: k.reasons for k in expiry.kept}
    assert "backup-3" in kept  # no part pushes it out
    assert (
        kept["part-a"] == kept["part-d"] == ("belongs to a restore point that stays",)
    )
    assert kept["part-c"] == ("an unfinished or failed run refers to it",)
    assert expiry.expired == ("part-b",)


def test_a_standby_is_not_paused_for_ever() -> None:
    """Not even as the newest one; what belongs to it goes with it."""

    def expired(age: float, needed: str = "") -> tuple[str, ...]:
        paused = replace(backup(age, run="a"), pause=PAUSED.pause)
        some = [backup(3), paused, partial(age, "a")]
        runs = frozenset(needed)
        return choose(some, Retention(), now=NOW, needed_runs=runs).expired

    assert expired(0.9) == ()
    assert expired(1.1) == ("backup-1.1", "part-a")
    assert expired(1.1, needed="a") == ()


def test_what_an_unfinished_run_refers_to_stays() -> None:
    expiry = choose(
        [backup(1), backup(500, run="r")],
        Retention(last=1),
        now=NOW,
        needed_runs=frozenset({"r"}),
    )
    assert expiry.expired == ()


ages = st.lists(
    st.tuples(st.integers(0, 1000), st.booleans()),
    unique_by=lambda t: t[0],
    max_size=40,
)
numbers = st.builds(
    Retention,
    last=st.integers(0, 5),
    days=st.integers(0, 30),
    daily=st.integers(0, 5),
    weekly=st.integers(0, 5),
    monthly=st.integers(1, 5),
)


@settings(max_examples=60, deadline=None)
@given(ages, numbers)
def test_the_newest_proven_one_is_never_deleted(
    found: list[tuple[int, bool]], retention: Retention
) -> None:
    backups = [backup(age, proven=proven) for age, proven in found]
    expiry = choose(backups, retention, now=NOW)
    proven = [age for age, is_proven in found if is_proven]
    if proven:
        assert f"backup-{min(proven)}" not in expiry.expired
    assert {k.id for k in expiry.kept} | set(expiry.expired) == {m.id for m in backups}
    assert all(k.reasons for k in expiry.kept)
