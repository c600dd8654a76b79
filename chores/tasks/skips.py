"""Skipping an occurrence, and taking that back."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from chores.exceptions import WrongStateError
from chores.households.days import household_day
from chores.households.permissions import Actor, Verb, require
from chores.tasks.closing import (
    close,
    follow,
    lock_occurrence,
    reopen,
    unfollow,
)
from chores.tasks.models import Occurrence, Status


@transaction.atomic
def skip(
    occurrence_id: int, *, actor: Actor, now: datetime.datetime | None = None
) -> Occurrence:
    """Let an open occurrence be; nobody's streak suffers."""
    now = now or timezone.now()
    occurrence = lock_occurrence(occurrence_id)
    require(actor, Verb.SKIP, household_id=occurrence.household_id)
    if occurrence.status != Status.OPEN:
        raise WrongStateError(f"This is {occurrence.status} already.")
    close(occurrence, Status.SKIPPED, now=now)
    follow(occurrence, household_day(occurrence.chore.household, now))
    return occurrence


@transaction.atomic
def unskip(
    occurrence_id: int, *, actor: Actor, now: datetime.datetime | None = None
) -> Occurrence:
    """Ask for a skipped occurrence after all."""
    now = now or timezone.now()
    occurrence = lock_occurrence(occurrence_id)
    chore = occurrence.chore
    require(actor, Verb.SKIP, household_id=occurrence.household_id)
    if occurrence.status != Status.SKIPPED:
        raise WrongStateError(f"This is {occurrence.status}, not skipped.")
    unfollow(occurrence)
    reopen(occurrence, doer=None, now=now)
    if occurrence.status != Status.OPEN:
        raise WrongStateError(f"{chore} asks nobody for this any more.")
    return occurrence
