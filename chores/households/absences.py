"""Being away: dates are inclusive here, as in the forms; the row is half-open."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from chores.exceptions import ChoresError
from chores.households.days import DAY
from chores.households.members import lock_household
from chores.households.models import Absence, Membership
from chores.households.permissions import Actor, Verb, require_own
from chores.tasks.replanning import replan_household


def day_range(first: datetime.date, last: datetime.date) -> DateRange:
    """Return the half-open range of two inclusive dates."""
    if last < first:
        raise ChoresError("The last day is before the first.")
    return DateRange(first, last + DAY)


@transaction.atomic
def add_absence(
    member: Membership,
    first: datetime.date,
    last: datetime.date,
    *,
    actor: Actor,
    note: str = "",
    now: datetime.datetime | None = None,
) -> Absence:
    """Enter days, both inclusive, on which a member has nothing to do."""
    require_own(actor, member, Verb.ABSENCE, household_id=member.household_id)
    lock_household(member.household_id)
    absence = Absence(
        household_id=member.household_id,
        member=member,
        days=day_range(first, last),
        note=note,
    )
    absence.full_clean()
    absence.save()
    replan_household(member.household_id, now=now)
    return absence


@transaction.atomic
def remove_absence(
    absence: Absence, *, actor: Actor, now: datetime.datetime | None = None
) -> None:
    """Take an absence back."""
    require_own(actor, absence.member, Verb.ABSENCE, household_id=absence.household_id)
    lock_household(absence.household_id)
    absence.delete()
    replan_household(absence.household_id, now=now)
