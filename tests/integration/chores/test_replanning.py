"""After every kind of change, what stands is what would be planned anew."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from chores.exceptions import WrongStateError
from chores.households.absences import add_absence, remove_absence
from chores.households.households import save_household
from chores.households.members import change_role, join, leave, rejoin
from chores.households.models import Role
from chores.tasks.chores import archive_chore, save_chore, set_paused
from chores.tasks.completions import Attempt, complete
from chores.tasks.models import Chore, ChoreCompletion, Occurrence
from chores.tasks.replanning import replan
from chores.tasks.reviews import approve, reject
from chores.tasks.skips import skip, unskip
from chores.tasks.undo import undo
from tests.integration.chores.invariants import check_all
from tests.integration.chores.test_scheduling import DAY, NOON, TODAY, chore

if TYPE_CHECKING:
    from tests.home import Home

    Change = Callable[[Home, Chore], object]

SATURDAY = 5


def save(**fields: object) -> Change:
    """Return a change of the chore's definition."""

    def change(home: Home, made: Chore) -> None:
        for name, value in fields.items():
            setattr(made, name, value)
        save_chore(made, actor=home.ann, now=NOON)

    return change


def move(**fields: object) -> Change:
    """Return a change of the household."""

    def change(home: Home, made: Chore) -> None:
        for name, value in fields.items():
            setattr(home.household, name, value)
        save_household(home.household, actor=home.ann, now=NOON)

    return change


def other_people(home: Home, made: Chore) -> None:
    save_chore(made, actor=home.ann, participants=[home.cy, home.ann], now=NOON)


def one_more(home: Home, made: Chore) -> None:
    join(home.household, "Dee", actor=home.ann, now=NOON)


def one_less(home: Home, made: Chore) -> None:
    leave(home.bo, actor=home.ann, now=NOON)


def one_back(home: Home, made: Chore) -> None:
    rejoin(home.bo, actor=home.ann, now=NOON)


def only_a_guest(home: Home, made: Chore) -> None:
    change_role(home.bo, Role.GUEST, actor=home.ann, now=NOON)


def away(home: Home, made: Chore) -> object:
    days = TODAY + DAY, TODAY + 5 * DAY
    return add_absence(home.bo, *days, actor=home.ann, now=NOON)


def there_again(home: Home, made: Chore) -> None:
    remove_absence(home.bo.absences.get(), actor=home.ann, now=NOON)


def paused(home: Home, made: Chore) -> None:
    set_paused(made.pk, paused=True, actor=home.ann, now=NOON)


def awake(home: Home, made: Chore) -> None:
    set_paused(made.pk, paused=False, actor=home.ann, now=NOON)


def archived(home: Home, made: Chore) -> None:
    archive_chore(made.pk, actor=home.ann, now=NOON)


# What was the case before, if anything, and the change.
CHANGES: dict[str, tuple[Change | None, Change]] = {
    "rule": (None, save(rrule="FREQ=DAILY;INTERVAL=3")),
    "kind of schedule": (
        None,
        save(schedule="after", rrule="", every_days=3, assign="anyone"),
    ),
    "time": (None, save(due_time=datetime.time(18))),
    "lead": (None, save(lead_days=2)),
    "grace": (None, save(grace_days=4)),
    "end": (None, save(ends_on=TODAY + 3 * DAY)),
    "assignment": (None, save(assign="everyone")),
    "turns by the week": (None, save(turn_every="week")),
    "participants": (None, other_people),
    "join": (None, one_more),
    "leave": (None, one_less),
    "rejoin": (one_less, one_back),
    "role": (None, only_a_guest),
    "absence": (None, away),
    "end of an absence": (away, there_again),
    "pause": (None, paused),
    "wake": (paused, awake),
    "archive": (None, archived),
    "zone": (None, move(timezone="America/New_York")),
    "day": (None, move(day_starts_hour=4)),
    "week": (save(turn_every="week"), move(week_starts_on=SATURDAY)),
}


def standing(made: Chore) -> list[tuple[Any, ...]]:
    """Return all that is open, as it was planned."""
    rows = Occurrence.objects.filter(chore=made, status="open")
    return list(
        rows.order_by("due_on", "slot").values_list(
            *("due_on", "slot", "opens_on", "due_at", "expires_at"),
            *("turn_of", "assignee"),
        )
    )


def sampled(names: Iterable[str], *quick: str) -> list[Any]:
    """Return all names, those that are not quick for the deep tier."""
    return [
        name if name in quick else pytest.param(name, marks=pytest.mark.deep)
        for name in names
    ]


@pytest.mark.parametrize(
    "kind", sampled(CHANGES, "rule", "participants", "absence", "zone", "wake")
)
def test_a_change_leaves_nothing_to_be_planned_again(home: Home, kind: str) -> None:
    before, change = CHANGES[kind]
    made = chore(home, assign="turns")
    if before is not None:
        before(home, made)
    old = standing(made)
    change(home, made)
    new = standing(made)
    assert new != old
    replan([made.pk], now=NOON)
    assert standing(made) == new
    check_all(home.household)


def attempted(home: Home, row: Occurrence, days: int) -> ChoreCompletion:
    attempt = Attempt(member=home.bo, actor=home.bo)
    return complete(row.pk, attempt, now=NOON + days * DAY)


def rejected(home: Home, row: Occurrence) -> None:
    reject(attempted(home, row, 0).pk, actor=home.ann, now=NOON)


def approved(home: Home, row: Occurrence) -> None:
    approve(attempted(home, row, 0).pk, actor=home.ann, now=NOON + DAY)


def undone(home: Home, row: Occurrence) -> None:
    undo(attempted(home, row, 0).pk, actor=home.ann, now=NOON)


def skipped(home: Home, row: Occurrence) -> None:
    skip(row.pk, actor=home.ann, now=NOON)


def skipped_and_back(home: Home, row: Occurrence) -> None:
    skip(row.pk, actor=home.ann, now=NOON)
    unskip(row.pk, actor=home.ann, now=NOON)


def twice(home: Home, row: Occurrence) -> None:
    attempted(home, row, 0)
    with pytest.raises(WrongStateError):
        attempted(home, row, 0)


# How an `after` chore's occurrence ends, and when the one that stands is due.
ENDS: dict[str, tuple[Callable[[Home, Occurrence], object], bool, int]] = {
    "early": (lambda home, row: attempted(home, row, -1), False, 2),
    "late": (lambda home, row: attempted(home, row, 5), False, 8),
    "twice": (twice, False, 3),
    "skipped": (skipped, False, 3),
    "skipped and back": (skipped_and_back, False, 0),
    "undone": (undone, False, 0),
    "submitted": (lambda home, row: attempted(home, row, 0), True, 0),
    "rejected": (rejected, True, 0),
    "approved": (approved, True, 3),
    "undone after approval": (undone, True, 0),
}


@pytest.mark.parametrize("end", sampled(ENDS, "early", "late", "rejected", "undone"))
def test_an_after_chore_always_has_one_that_stands(home: Home, end: str) -> None:
    act, needs_approval, days = ENDS[end]
    made = chore(
        home,
        schedule="after",
        rrule="",
        every_days=3,
        lead_days=1,
        needs_approval=needs_approval,
    )
    act(home, Occurrence.objects.get(chore=made))
    rows = Occurrence.objects.filter(chore=made, status__in=("open", "submitted"))
    assert rows.get().due_on == TODAY + days * DAY
    check_all(home.household)
