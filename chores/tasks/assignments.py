"""Whose it is: claiming, releasing, handing over a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from chores.exceptions import NotAllowedError, WrongStateError
from chores.households.permissions import Actor, Verb, require_own
from chores.tasks.closing import is_free, lock_occurrence
from chores.tasks.models import Occurrence, Status
from chores.tasks.people import people_of

if TYPE_CHECKING:
    from chores.households.models import Membership


@transaction.atomic
def claim(occurrence_id: int, member: Membership, *, actor: Actor) -> Occurrence:
    """Take what nobody is asked to do; of many at once one succeeds."""
    occurrence = lock_occurrence(occurrence_id)
    household_id = occurrence.household_id
    require_own(actor, member, Verb.CLAIM, household_id=household_id)
    require_eligible(occurrence, member)
    if occurrence.status != Status.OPEN or occurrence.assignee_id is not None:
        raise WrongStateError("Somebody else has taken this.")
    return assign(occurrence, member)


@transaction.atomic
def release(occurrence_id: int, *, actor: Actor) -> Occurrence:
    """Give a claimed occurrence back to all."""
    occurrence = lock_occurrence(occurrence_id)
    holder = occurrence.assignee
    free = is_free(occurrence)
    if holder is None or occurrence.status != Status.OPEN or not free:
        raise WrongStateError("Nobody has claimed this.")
    require_own(actor, holder, Verb.CLAIM, household_id=occurrence.household_id)
    return assign(occurrence, None)


@transaction.atomic
def swap(occurrence_id: int, to: Membership, *, actor: Actor) -> Occurrence:
    """Hand a turn to another; the order of turns stays as it is."""
    occurrence = lock_occurrence(occurrence_id)
    holder = occurrence.assignee
    if holder is None or occurrence.turn_of_id is None:
        raise WrongStateError("This is nobody's turn.")
    require_own(actor, holder, Verb.SWAP, household_id=occurrence.household_id)
    require_eligible(occurrence, to)
    if occurrence.status != Status.OPEN:
        raise WrongStateError(f"This is {occurrence.status} already.")
    return assign(occurrence, to)


def require_eligible(occurrence: Occurrence, member: Membership) -> None:
    """Raise unless the member takes part in the chore and is there that day."""
    people = people_of([occurrence.chore])[occurrence.chore_id]
    if member.pk not in people.eligible(occurrence.due_on):
        raise NotAllowedError(
            f"{member.name} does not take part in {occurrence.chore} "
            f"on {occurrence.due_on}."
        )


def assign(occurrence: Occurrence, member: Membership | None) -> Occurrence:
    """Write the assignee of a locked occurrence."""
    occurrence.assignee = member
    occurrence.save(update_fields=["assignee"])
    return occurrence
