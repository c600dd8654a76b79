"""How an occurrence is locked, closed, reopened and followed by the next one."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db.models import Max

from chores.exceptions import WrongStateError
from chores.tasks.models import Assign, Chore, Occurrence, Schedule, Status
from chores.tasks.models.occurrence import STANDING
from chores.tasks.people import Turn, next_turn, people_of
from chores.tasks.planning import row
from chores.tasks.staffing import is_wanted, set_people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chores.households.models import Membership


def lock_chores(chore_ids: Iterable[int]) -> list[Chore]:
    """Lock chores in the order of their ids; return them with their households."""
    chores = Chore.objects.select_for_update(no_key=True, of=("self",))
    wanted = chores.filter(pk__in=list(chore_ids)).order_by("pk")
    return list(wanted.select_related("household"))


def lock_chore(chore_id: int) -> Chore:
    """Lock a chore; return it with its household."""
    found = lock_chores([chore_id])
    if not found:
        raise WrongStateError("This chore is gone.")
    return found[0]


def lock_occurrence(occurrence_id: int) -> Occurrence:
    """Lock an occurrence's chore, then the occurrence; return it with both.

    Raises WrongStateError when it is gone.
    """
    found = Occurrence.objects.filter(pk=occurrence_id)
    chore_id = found.values_list("chore_id", flat=True).first()
    chore = lock_chore(chore_id) if chore_id is not None else None
    occurrence = found.select_for_update(no_key=True).first()
    if chore is None or occurrence is None:
        raise WrongStateError("This is not to be done any more.")
    occurrence.chore = chore
    return occurrence


def is_active(chore: Chore) -> bool:
    """Return whether a chore makes occurrences, in a household that goes on."""
    gone = chore.archived_at or chore.household.archived_at
    return gone is None and not chore.paused


def is_free(occurrence: Occurrence) -> bool:
    """Return whether it is up for grabs: nobody's turn and not one for each."""
    everyone = occurrence.chore.assign == Assign.EVERYONE
    return occurrence.turn_of_id is None and not everyone


def close(occurrence: Occurrence, status: Status, *, now: datetime.datetime) -> None:
    """Close an occurrence for good, or until it is undone."""
    occurrence.status = status
    occurrence.closed_at = now
    occurrence.save(update_fields=["status", "closed_at", "assignee"])


def reopen(
    occurrence: Occurrence, *, doer: Membership | None, now: datetime.datetime
) -> None:
    """Open an occurrence again, for people who are there now.

    It is skipped instead where its chore rests or asks nobody for it any more. What
    nobody was asked to do is free again for anyone.
    """
    if doer is not None and is_free(occurrence) and occurrence.assignee == doer:
        occurrence.assignee = None
    if is_asked(occurrence):
        occurrence.status, occurrence.closed_at = Status.OPEN, None
    else:
        occurrence.status, occurrence.closed_at = Status.SKIPPED, now
    occurrence.save(update_fields=["status", "closed_at", "assignee", "turn_of"])


def is_asked(occurrence: Occurrence) -> bool:
    """Return whether its chore still asks for it; set its people to those there."""
    chore = occurrence.chore
    if not is_active(chore) or chore.schedule == Schedule.ANYTIME:
        return False
    people = people_of([chore])[chore.pk]
    set_people(chore, occurrence, people)
    return is_wanted(chore, occurrence, people)


def follow(occurrence: Occurrence, base: datetime.date) -> Occurrence | None:
    """Make what follows a closed occurrence of an `after` chore."""
    chore = occurrence.chore
    if chore.schedule != Schedule.AFTER or not is_active(chore):
        return None
    assert chore.every_days is not None
    due_on = base + datetime.timedelta(days=chore.every_days)
    if chore.ends_on is not None and due_on > chore.ends_on:
        return None
    turn = None
    if chore.assign == Assign.TURNS:
        people = people_of([chore])[chore.pk]
        last = Turn(day=occurrence.due_on, member=occurrence.turn_of_id)
        turn = next_turn(chore, chore.household, people, last, due_on)
    slot = free_slot(chore, due_on)
    following = row(chore, due_on, slot=slot, turn=turn, assignee=turn)
    following.spawned_from = occurrence
    following.save()
    return following


def free_slot(chore: Chore, day: datetime.date) -> int:
    """Return the first slot after those that a chore has on a day."""
    rows = Occurrence.objects.filter(chore=chore, due_on=day)
    largest = rows.aggregate(largest=Max("slot"))["largest"]
    return 0 if largest is None else largest + 1


def unfollow(occurrence: Occurrence) -> None:
    """Delete what follows an occurrence if it is untouched.

    Raises WrongStateError if it is not, or if something else stands in its place.
    """
    if occurrence.chore.schedule != Schedule.AFTER:
        return
    standing = Occurrence.objects.filter(
        chore_id=occurrence.chore_id, status__in=STANDING
    ).exclude(pk=occurrence.pk)
    for other in standing.select_for_update(no_key=True):
        untouched = (
            other.spawned_from_id == occurrence.pk
            and other.status == Status.OPEN
            and other.assignee_id == other.turn_of_id
            and not other.completions.exists()
        )
        if not untouched:
            raise WrongStateError(
                "Something later was begun; undo the later one first."
            )
        other.delete()
