"""Saving, pausing and archiving chores; each replans at once."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from chores.exceptions import NotAllowedError
from chores.households.permissions import Actor, Verb, require
from chores.tasks import rules
from chores.tasks.closing import lock_chore
from chores.tasks.models import Chore, ChoreParticipant, Schedule
from chores.tasks.replanning import replan

if TYPE_CHECKING:
    from chores.households.models import Membership


@transaction.atomic
def save_chore(
    chore: Chore,
    *,
    actor: Actor,
    participants: Sequence[Membership] | None = None,
    now: datetime.datetime | None = None,
) -> Chore:
    """Save a chore, new or changed, and make its occurrences.

    Participants replace those it had, in this order; None leaves them.
    """
    require(actor, Verb.EDIT, household_id=chore.household_id)
    if chore.pk is not None:
        lock_chore(chore.pk)
    prepare(chore)
    chore.full_clean()
    chore.save()
    if participants is not None:
        set_participants(chore, participants)
    replan([chore.pk], now=now)
    chore.refresh_from_db()
    return chore


def prepare(chore: Chore) -> None:
    """Put the rule in its canonical form; raise RuleError if it never falls."""
    if chore.schedule == Schedule.CALENDAR:
        rule = rules.parse(chore.rrule)
        rules.require_a_date(
            rule,
            starts_on=chore.starts_on,
            ends_on=chore.ends_on,
            week_starts_on=chore.household.week_starts_on,
        )
        chore.rrule = rule.text


def set_participants(chore: Chore, members: Sequence[Membership]) -> None:
    """Write who takes part, in the order of their turns."""
    if any(member.household_id != chore.household_id for member in members):
        raise NotAllowedError("A participant is of another household.")
    ChoreParticipant.objects.filter(chore=chore).delete()
    ChoreParticipant.objects.bulk_create(
        ChoreParticipant(
            household_id=chore.household_id,
            chore=chore,
            member=member,
            position=position,
        )
        for position, member in enumerate(members)
    )


@transaction.atomic
def set_paused(
    chore_id: int, *, paused: bool, actor: Actor, now: datetime.datetime | None = None
) -> Chore:
    """Let a chore rest, or wake it."""
    chore = lock_chore(chore_id)
    require(actor, Verb.EDIT, household_id=chore.household_id)
    chore.paused = paused
    chore.save(update_fields=["paused"])
    replan([chore.pk], now=now)
    return chore


@transaction.atomic
def archive_chore(
    chore_id: int, *, actor: Actor, now: datetime.datetime | None = None
) -> Chore:
    """End a chore; what was done stays."""
    chore = lock_chore(chore_id)
    require(actor, Verb.EDIT, household_id=chore.household_id)
    chore.archived_at = now or timezone.now()
    chore.save(update_fields=["archived_at"])
    replan([chore.pk], now=now)
    return chore
