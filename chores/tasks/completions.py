"""Doing chores: complete, approve, reject, undo, credit. The only writers of it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chores.exceptions import AlreadyUndoneError, NotAllowedError, WrongStateError
from chores.households.days import household_day
from chores.households.models.membership import Role
from chores.households.permissions import Actor, Verb, is_admin, require
from chores.rewards.badges import settle_badges
from chores.rewards.ledger import post_chore
from chores.tasks.closing import (
    close,
    follow,
    free_slot,
    is_active,
    lock_chore,
    lock_occurrence,
)
from chores.tasks.models import ChoreCompletion, Occurrence, Schedule, State, Status

if TYPE_CHECKING:
    from chores.accounts.models import VerificationToken
    from chores.households.models import Membership
    from chores.tasks.models import Chore


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Who did it, who says so, and how they say it."""

    member: Membership
    actor: Actor
    nonce: UUID | None = None
    note: str = ""
    via: VerificationToken | None = None


@transaction.atomic
def complete(
    occurrence_id: int, attempt: Attempt, *, now: datetime.datetime | None = None
) -> ChoreCompletion:
    """Record that an occurrence was done.

    A retry with the same nonce returns the first completion.
    """
    now = now or timezone.now()
    occurrence = lock_occurrence(occurrence_id)
    if done := retried(attempt, occurrence.household_id, occurrence=occurrence):
        return done
    require_completable(occurrence, attempt, now)
    return record(occurrence, attempt, now)


@transaction.atomic
def log_anytime(
    chore_id: int, attempt: Attempt, *, now: datetime.datetime | None = None
) -> ChoreCompletion:
    """Record that a chore without dates was done today."""
    now = now or timezone.now()
    chore = lock_chore(chore_id)
    if done := retried(attempt, chore.household_id, chore=chore):
        return done
    if chore.schedule != Schedule.ANYTIME or not is_active(chore):
        raise WrongStateError(f"{chore} is not done as needed.")
    day = household_day(chore.household, now)
    live = ChoreCompletion.objects.filter(
        occurrence__chore=chore,
        occurrence__due_on=day,
        state__in=(State.PENDING, State.APPROVED),
    )
    if chore.max_per_day is not None and live.count() >= chore.max_per_day:
        raise WrongStateError(f"{chore} was done {chore.max_per_day} times today.")
    occurrence = Occurrence(
        household_id=chore.household_id,
        chore=chore,
        due_on=day,
        opens_on=day,
        slot=free_slot(chore, day),
    )
    require_completable(occurrence, attempt, now)
    occurrence.save()
    return record(occurrence, attempt, now)


def retried(
    attempt: Attempt,
    household_id: int,
    *,
    occurrence: Occurrence | None = None,
    chore: Chore | None = None,
) -> ChoreCompletion | None:
    """Return the completion that an earlier try with this nonce made."""
    if attempt.nonce is None:
        return None
    wanted = {"chore": chore} if occurrence is None else {"occurrence": occurrence}
    found = ChoreCompletion.objects.filter(
        household_id=household_id,
        member=attempt.member,
        nonce=attempt.nonce,
        **wanted,
    ).first()
    if found is not None and found.state in (State.REJECTED, State.UNDONE):
        raise AlreadyUndoneError
    return found


def require_completable(
    occurrence: Occurrence, attempt: Attempt, now: datetime.datetime
) -> None:
    """Raise unless it is open, not expired, and these people may."""
    chore, member, actor = occurrence.chore, attempt.member, attempt.actor
    require(actor, Verb.COMPLETE, household_id=occurrence.household_id)
    if member.household_id != occurrence.household_id or member.left_at is not None:
        raise NotAllowedError("Whoever did it is not a member of this household.")
    if actor is not None and actor != member:
        require(actor, Verb.COMPLETE_FOR_OTHER, household_id=occurrence.household_id)
        if actor.role == Role.MEMBER and chore.needs_approval:
            raise NotAllowedError(f"{chore} needs approval; its doer says it is done.")
    if occurrence.status != Status.OPEN:
        raise WrongStateError(f"{chore} is {occurrence.status} already.")
    if occurrence.opens_on > household_day(chore.household, now):
        raise WrongStateError(f"{chore} may be done from {occurrence.opens_on} on.")
    expired = occurrence.expires_at is not None and occurrence.expires_at < now
    if expired and not is_admin(actor):
        raise WrongStateError(f"It is too late for {chore}; ask an admin.")


def record(
    occurrence: Occurrence, attempt: Attempt, now: datetime.datetime
) -> ChoreCompletion:
    """Write the completion of a locked occurrence and all that follows from it."""
    chore = occurrence.chore
    approved = not chore.needs_approval or is_admin(attempt.actor)
    completion = ChoreCompletion.objects.create(
        household_id=occurrence.household_id,
        occurrence=occurrence,
        chore=chore,
        member=attempt.member,
        recorded_by=attempt.actor or attempt.member,
        via=attempt.via,
        state=State.APPROVED if approved else State.PENDING,
        done_at=now,
        done_on=household_day(chore.household, now),
        on_time=occurrence.due_at is None or now <= occurrence.due_at,
        points=chore.points,
        note=attempt.note,
        nonce=attempt.nonce,
    )
    if occurrence.assignee_id is None:
        occurrence.assignee = attempt.member
    if approved:
        finish(occurrence, completion, now)
    else:
        occurrence.status = Status.SUBMITTED
        occurrence.save(update_fields=["status", "assignee"])
    return completion


def finish(
    occurrence: Occurrence, completion: ChoreCompletion, now: datetime.datetime
) -> None:
    """Close what was approved: points, the next occurrence, badges."""
    close(occurrence, Status.DONE, now=now)
    follow(occurrence, completion.done_on)
    post_chore(completion)
    settle_badges(completion.member)


def lock_completion(completion_id: int) -> ChoreCompletion:
    """Lock a completion's chore and occurrence, then read it."""
    completions = ChoreCompletion.objects.filter(pk=completion_id)
    occurrence_id = completions.values_list("occurrence_id", flat=True).first()
    if occurrence_id is None:
        raise WrongStateError
    occurrence = lock_occurrence(occurrence_id)
    completion = completions.select_related("member", "reviewed_by").get()
    completion.occurrence = occurrence
    return completion


@transaction.atomic
def credit(
    occurrence_id: int,
    member: Membership,
    *,
    actor: Actor,
    now: datetime.datetime | None = None,
) -> ChoreCompletion:
    """Count a missed occurrence as done after all."""
    now = now or timezone.now()
    occurrence = lock_occurrence(occurrence_id)
    require(actor, Verb.APPROVE, household_id=occurrence.household_id)
    if occurrence.status != Status.MISSED:
        raise WrongStateError(f"{occurrence.chore} was not missed.")
    if actor is not None and actor == member:
        raise NotAllowedError("Nobody credits themselves.")
    if member.household_id != occurrence.household_id:
        raise NotAllowedError("Whoever did it is not a member of this household.")
    return record(occurrence, Attempt(member=member, actor=actor), now)
