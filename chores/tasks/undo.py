"""Taking a completion back: the record stays, its points are mirrored."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from chores.exceptions import WrongStateError
from chores.households.configuration import UNDO_HOURS
from chores.households.permissions import Actor, Verb, is_admin, require_own
from chores.rewards.badges import settle_badges
from chores.rewards.ledger import lock_members, reverse_chore
from chores.tasks.closing import reopen, unfollow
from chores.tasks.completions import lock_completion
from chores.tasks.models import ChoreCompletion, State


@transaction.atomic
def undo(
    completion_id: int, *, actor: Actor, now: datetime.datetime | None = None
) -> ChoreCompletion:
    """Take a completion back, with its points and badges; the record stays."""
    now = now or timezone.now()
    completion = lock_completion(completion_id)
    member = completion.member
    household_id = completion.household_id
    require_own(actor, member, Verb.UNDO, household_id=household_id)
    if completion.state not in (State.PENDING, State.APPROVED):
        raise WrongStateError(f"This is {completion.state} already.")
    limit = datetime.timedelta(hours=UNDO_HOURS.get())
    if not is_admin(actor) and now - completion.done_at > limit:
        raise WrongStateError("It was too long ago; an admin can undo it.")
    unfollow(completion.occurrence)
    lock_members(member)
    was_approved = completion.state == State.APPROVED
    completion.state = State.UNDONE
    completion.save(update_fields=["state"])
    reopen(completion.occurrence, doer=member, now=now)
    if was_approved:
        reverse_chore(completion, by=actor)
        settle_badges(member, revoke=True)
    return completion
