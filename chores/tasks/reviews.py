"""Deciding about what waits for approval."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from chores.exceptions import NotAllowedError, WrongStateError
from chores.households.permissions import Actor, Verb, require
from chores.rewards.badges import settle_badges
from chores.rewards.ledger import lock_members
from chores.tasks.closing import reopen
from chores.tasks.completions import finish, lock_completion
from chores.tasks.models import ChoreCompletion, State


@transaction.atomic
def approve(
    completion_id: int, *, actor: Actor, now: datetime.datetime | None = None
) -> ChoreCompletion:
    """Approve what waits; the points are posted in the same transaction."""
    now = now or timezone.now()
    completion = reviewable(completion_id, actor)
    lock_members(completion.member, actor)
    review(completion, State.APPROVED, actor, now)
    finish(completion.occurrence, completion, now)
    if actor is not None:
        settle_badges(actor)
    return completion


@transaction.atomic
def reject(
    completion_id: int,
    *,
    actor: Actor,
    note: str = "",
    now: datetime.datetime | None = None,
) -> ChoreCompletion:
    """Reject what waits; it is open again."""
    now = now or timezone.now()
    completion = reviewable(completion_id, actor)
    lock_members(actor)
    completion.note = note or completion.note
    review(completion, State.REJECTED, actor, now)
    reopen(completion.occurrence, doer=completion.member, now=now)
    if actor is not None:
        settle_badges(actor)
    return completion


def reviewable(completion_id: int, actor: Actor) -> ChoreCompletion:
    """Return a locked completion that waits and that the actor may decide."""
    completion = lock_completion(completion_id)
    require(actor, Verb.APPROVE, household_id=completion.household_id)
    if completion.state != State.PENDING:
        raise WrongStateError(f"This is {completion.state} already.")
    if actor is not None and actor == completion.member:
        raise NotAllowedError("Nobody reviews their own work.")
    return completion


def review(
    completion: ChoreCompletion, state: State, actor: Actor, now: datetime.datetime
) -> None:
    """Write a decision; the operator's has no member's name."""
    completion.state = state
    completion.reviewed_by = actor
    completion.reviewed_at = now
    completion.save(update_fields=["state", "note", "reviewed_by", "reviewed_at"])


def withdraw(completion_id: int, *, now: datetime.datetime) -> None:
    """Reject what waits because its doer left; nobody decided."""
    completion = lock_completion(completion_id)
    review(completion, State.REJECTED, None, now)
    reopen(completion.occurrence, doer=completion.member, now=now)
